//! Components byte by byte: what no tool would build.

/// A component with one empty function.
pub(super) struct Forged<'a> {
    /// Instances that it imports.
    pub(super) imports: &'a [&'a str],
    /// The function without parameters and results that each of them has.
    pub(super) function: Option<&'a str>,
    /// The name under which it exports its own, which is of the same type.
    pub(super) run: &'a str,
    /// What its own function does.
    pub(super) code: &'a [u8],
}

impl Default for Forged<'_> {
    fn default() -> Self {
        Self { imports: &[], function: None, run: "run", code: &[] }
    }
}

impl Forged<'_> {
    pub(super) fn component(&self) -> Vec<u8> {
        let extern_name = |text: &str| [vec![0], name(text)].concat();
        let nothing = [0x40, 0, 1, 0];
        let instance = match self.function {
            Some(function) => [&[0x42, 2, 1][..], &nothing, &[4], &extern_name(function), &[1, 0]].concat(),
            None => vec![0x42, 0],
        };
        let import = |import: &&str| [extern_name(import), vec![5, 0]].concat();
        let export = [extern_name(self.run), vec![1, 0, 0]].concat();
        [
            b"\0asm\x0d\0\x01\0".to_vec(),
            section(7, &list(&[instance, nothing.to_vec()])),
            section(10, &list(&self.imports.iter().map(import).collect::<Vec<_>>())),
            section(1, &module(self.code)),
            // instantiated, and its function lifted
            section(2, &[1, 0, 0, 0]),
            section(6, &list(&[[&[0, 0, 1, 0][..], &name("f")].concat()])),
            section(8, &[1, 0, 0, 0, 0, 1]),
            section(11, &list(&[export])),
        ]
        .concat()
    }
}

/// A component whose function is so long that compiling it takes long.
pub(crate) fn bomb(length: usize) -> Vec<u8> {
    // (i64.const 1) (local.get 0) i64.mul, again and again, each on top of what was before, with a call in between so that
    // none of it can be left out
    let mut code = vec![0x42, 1];
    for n in 0..length {
        code.extend([0x20, u8::try_from(n % 100).unwrap(), 0x7e, 0x22, u8::try_from(n * 7 % 100).unwrap(), 0x10, 0]);
    }
    code.push(0x1a);
    Forged { code: &code, ..Forged::default() }.component()
}

/// A module with the function `f`, which has a hundred locals.
fn module(code: &[u8]) -> Vec<u8> {
    let body = [&[1, 100, 0x7e][..], code, &[0x0b]].concat();
    [
        b"\0asm\x01\0\0\0".to_vec(),
        section(1, &[1, 0x60, 0, 0]),
        section(3, &[1, 0]),
        section(7, &list(&[[name("f"), vec![0, 0]].concat()])),
        section(10, &list(&[[leb(body.len()), body].concat()])),
    ]
    .concat()
}

fn section(id: u8, body: &[u8]) -> Vec<u8> {
    [&[id][..], &leb(body.len()), body].concat()
}

fn list(items: &[Vec<u8>]) -> Vec<u8> {
    [leb(items.len()), items.concat()].concat()
}

fn name(text: &str) -> Vec<u8> {
    [leb(text.len()), text.as_bytes().to_vec()].concat()
}

/// A number in WebAssembly.
pub(crate) fn leb(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = u8::try_from(number & 0x7f).unwrap();
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}
