//! The images that guests are instances of: the engines that come with the program, and components that users bring.

use std::io::Read;
use std::sync::{Arc, OnceLock};

use sha2::{Digest, Sha256};

use crate::protocol::World;

/// What a guest is an instance of.
#[derive(Debug, Clone)]
pub enum Image {
    /// QuickJS-ng; the guest's files are its program.
    JavaScript,
    /// CPython; the guest's files are its program.
    Python,
    /// swc, which strips types. Its guest has files and nothing to run: see [`crate::Sandbox::strip`].
    TypeScript,
    /// A component of the public world, `moltforge:agent`. Belongs to one project.
    Component(Arc<Component>),
    /// Nothing: its guest fails as soon as its worker is ready. To see whether processes can be started and confined.
    Empty,
}

/// A component that came from outside.
#[derive(Debug)]
pub struct Component {
    bytes: Arc<[u8]>,
    hash: [u8; 32],
}

impl Component {
    /// A component, not looked at.
    pub fn new(bytes: impl Into<Arc<[u8]>>) -> Self {
        let bytes = bytes.into();
        let hash = Sha256::digest(&bytes).into();
        Self { bytes, hash }
    }

    /// The same, with its SHA-256: many megabytes need not be read at each start of a guest.
    pub fn hashed(bytes: Arc<[u8]>, sha256: [u8; 32]) -> Self {
        Self { bytes, hash: sha256 }
    }
}

const JAVASCRIPT: &[u8] = include_bytes!("../images/javascript.wasm.zst");
const PYTHON: &[u8] = include_bytes!("../images/python.wasm.zst");
const TYPESCRIPT: &[u8] = include_bytes!("../images/typescript.wasm.zst");

/// What the images are, with the hash of each.
const MANIFEST: &str = include_str!("../images/MANIFEST.toml");

/// A component without anything in it.
const EMPTY: &[u8] = b"\0asm\x0d\0\x01\0";

/// No image unpacks to more.
const UNPACKED_MAX: u64 = 128 << 20;

impl Image {
    /// What names it: the hash of what is in the tree, or of the component. Those of the tree were made with the images: to make
    /// them here would bring all of their bytes into memory, at each start of a server.
    pub(crate) fn hash(&self) -> [u8; 32] {
        static HASHES: [OnceLock<[u8; 32]>; 3] = [const { OnceLock::new() }; 3];
        let (hash, name, packed) = match self {
            Self::JavaScript => (&HASHES[0], "javascript", JAVASCRIPT),
            Self::Python => (&HASHES[1], "python", PYTHON),
            Self::TypeScript => (&HASHES[2], "typescript", TYPESCRIPT),
            Self::Component(component) => return component.hash,
            Self::Empty => return Sha256::digest(EMPTY).into(),
        };
        *hash.get_or_init(|| recorded(name).unwrap_or_else(|| Sha256::digest(packed).into()))
    }

    /// Whether every project may use the compiled image.
    pub(crate) fn is_shared(&self) -> bool {
        !matches!(self, Self::Component(_))
    }

    /// The component.
    pub(crate) fn wasm(&self) -> std::io::Result<Vec<u8>> {
        match self {
            Self::JavaScript => unpack(JAVASCRIPT),
            Self::Python => unpack(PYTHON),
            Self::TypeScript => unpack(TYPESCRIPT),
            Self::Component(component) => Ok(component.bytes.to_vec()),
            Self::Empty => Ok(EMPTY.to_vec()),
        }
    }

    /// The world that it is linked with.
    pub(crate) fn world(&self) -> World {
        match self {
            Self::JavaScript | Self::Python | Self::Empty => World::Engine,
            Self::TypeScript => World::TypeScript,
            Self::Component(_) => World::Agent,
        }
    }
}

/// The hash of an image in the manifest, as it is in the tree.
fn recorded(name: &str) -> Option<[u8; 32]> {
    let (_, image) = MANIFEST.split_once(&format!("\nname = \"{name}\"\n"))?;
    let (_, hash) = image.split_once("\ncompressed_sha256 = \"")?;
    let mut bytes = [0; 32];
    hex::decode_to_slice(hash.get(..64)?, &mut bytes).ok()?;
    Some(bytes)
}

fn unpack(packed: &[u8]) -> std::io::Result<Vec<u8>> {
    let decoder = ruzstd::decoding::StreamingDecoder::new(packed).map_err(std::io::Error::other)?;
    let mut wasm = Vec::new();
    decoder.take(UNPACKED_MAX).read_to_end(&mut wasm)?;
    Ok(wasm)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    #[test]
    fn the_images_of_the_tree_unpack_to_components() {
        for image in [Image::JavaScript, Image::Python, Image::TypeScript] {
            let wasm = image.wasm().unwrap();
            assert_eq!(&wasm[..8], b"\0asm\x0d\0\x01\0", "{image:?}");
        }
    }

    #[test]
    fn the_images_of_the_tree_are_those_of_the_manifest() {
        let manifest = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("images/MANIFEST.toml")).unwrap();
        let hash = |bytes: &[u8]| hex::encode(Sha256::digest(bytes));
        for (image, packed) in
            [(Image::JavaScript, JAVASCRIPT), (Image::Python, PYTHON), (Image::TypeScript, TYPESCRIPT)]
        {
            let wasm = image.wasm().unwrap();
            let recorded = format!(
                "\nbytes = {}\nsha256 = \"{}\"\ncompressed_bytes = {}\ncompressed_sha256 = \"{}\"\n",
                wasm.len(),
                hash(&wasm),
                packed.len(),
                hash(packed)
            );
            assert!(manifest.contains(&recorded), "{image:?} is another: {recorded}");
            assert_eq!(hex::encode(image.hash()), hash(packed), "{image:?}");
        }
    }

    #[test]
    fn the_licences_that_the_manifest_names_are_there() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("images");
        let manifest = fs::read_to_string(folder.join("MANIFEST.toml")).unwrap();
        let names = || manifest.split('"').filter(|text| text.starts_with("licenses/"));
        for name in names() {
            assert!(fs::metadata(folder.join(name)).unwrap().len() > 1000, "{name}");
        }
        for kept in fs::read_dir(folder.join("licenses")).unwrap() {
            let kept = format!("licenses/{}", kept.unwrap().file_name().to_string_lossy());
            assert!(names().any(|name| name == kept), "{kept} belongs to no image");
        }
    }

    #[test]
    fn the_crates_of_the_typescript_image_are_those_of_its_lock_file() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        let lock = fs::read_to_string(folder.join("guests/typescript/Cargo.lock")).unwrap();
        let licences = fs::read_to_string(folder.join("images/licenses/typescript-crates.txt")).unwrap();
        let list = licences.lines().skip_while(|line| !line.is_empty()).skip(1).take_while(|line| !line.is_empty());
        let crates: Vec<_> = list.map(|line| line.split([' ', ':']).take(2).collect::<Vec<_>>()).collect();
        assert!(crates.len() > 100, "{}", crates.len());
        for one in crates {
            let wanted = format!("name = \"{}\"\nversion = \"{}\"\n", one[0], one[1]);
            assert!(lock.contains(&wanted), "{one:?} is not in Cargo.lock: its licence must be looked at again");
        }
    }
}
