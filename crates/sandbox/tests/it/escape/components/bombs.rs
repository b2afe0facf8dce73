//! Components that are small and cost much to read or to compile: refused at once.

use moltforge_sandbox::Refusal;

use super::wat::{Parts, made};
use super::{mine, request};
use crate::component::forged::leb;
use crate::escape::attempt::{Attempt, Ends};
use crate::escape::outcome::Program;

/// Sections of a component.
const MODULE: u8 = 1;
const COMPONENT: u8 = 4;

/// What it is, too much, enough, and the section with so much of it, which comes last.
type Bomb = (&'static str, usize, usize, fn(usize) -> Vec<u8>);

const ALL: [Bomb; 8] = [
    ("functions of a module", 1_000_001, 10_000, functions),
    ("types of a module", 1_000_001, 10_000, types),
    ("bytes of a function", 7_700_000, 10_000, long_function),
    ("variables of a function", 60_000, 100, variables),
    ("parameters of a function", 1_001, 100, parameters),
    ("targets of a jump", 200_000, 1_000, targets),
    ("modules", 2_000, 100, |n| section(MODULE, MODULE_HEAD).repeat(n)),
    ("components", 2_000, 100, |n| section(COMPONENT, COMPONENT_HEAD).repeat(n)),
];

const MODULE_HEAD: &[u8] = b"\0asm\x01\0\0\0";
const COMPONENT_HEAD: &[u8] = b"\0asm\x0d\0\x01\0";

pub(super) fn all() -> Vec<Attempt> {
    let more = |sections: fn(usize) -> Vec<u8>, n| [Parts::default().component(), sections(n)].concat();
    let all = ALL.iter().map(|&(what, much, little, sections)| attempt(what, much, little, &|n| more(sections, n)));
    all.chain([attempt("doublings of a type", 40, 8, &doubled)]).collect()
}

fn attempt(what: &str, much: usize, little: usize, component: &dyn Fn(usize) -> Vec<u8>) -> Attempt {
    let program = |n| Program::Brought(request(component(n)));
    Attempt {
        name: format!("many {what}"),
        category: "limits",
        tried: format!("{much} {what}"),
        ends: Ends::Refused(Refusal::Invalid),
        check: mine,
        program: program(much),
        control: program(little),
        control_is: format!("{little} of them"),
    }
}

fn module(sections: &[Vec<u8>]) -> Vec<u8> {
    section(MODULE, &[MODULE_HEAD, &sections.concat()].concat())
}

/// A module with one function of no parameters, whose body this is.
fn function(body: &[u8]) -> Vec<u8> {
    let code = [leb(1), leb(body.len()), body.to_vec()].concat();
    module(&[section(1, &[1, 0x60, 0, 0]), section(3, &[1, 0]), section(10, &code)])
}

fn functions(n: usize) -> Vec<u8> {
    let named = [leb(n), vec![0; n]].concat();
    let bodies = [leb(n), [2, 0, 0x0b].repeat(n)].concat();
    module(&[section(1, &[1, 0x60, 0, 0]), section(3, &named), section(10, &bodies)])
}

fn types(n: usize) -> Vec<u8> {
    module(&[section(1, &[leb(n), [0x60, 0, 0].repeat(n)].concat())])
}

fn long_function(n: usize) -> Vec<u8> {
    function(&[vec![0], vec![0x01; n], vec![0x0b]].concat())
}

fn variables(n: usize) -> Vec<u8> {
    function(&[vec![1], leb(n), vec![0x7f, 0x0b]].concat())
}

fn parameters(n: usize) -> Vec<u8> {
    module(&[section(1, &[vec![1, 0x60], leb(n), vec![0x7f; n], vec![0]].concat())])
}

fn targets(n: usize) -> Vec<u8> {
    function(&[vec![0, 0x41, 0, 0x0e], leb(n), vec![0; n], vec![0, 0x0b]].concat())
}

/// A pair of bytes, a pair of such pairs, and so on.
fn doubled(n: usize) -> Vec<u8> {
    let pair = |at: usize| format!("(type $t{} (tuple $t{at} $t{at}))", at + 1);
    let types: String = (0..n).map(pair).collect();
    Parts::around(made(format!("(type $t0 (tuple u8 u8)) {types}"))).component()
}

fn section(id: u8, body: &[u8]) -> Vec<u8> {
    [&[id][..], &leb(body.len()), body].concat()
}
