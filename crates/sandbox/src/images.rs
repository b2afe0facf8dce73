//! The images that guests are instances of: the engines that come with the program, and components that users bring.

use std::io::Read;
use std::sync::Arc;

use sha2::{Digest, Sha256};

/// What a guest is an instance of.
#[derive(Debug, Clone)]
pub enum Image {
    /// QuickJS-ng; the guest's files are its program.
    JavaScript,
    /// CPython; the guest's files are its program.
    Python,
    /// A component of the internal world. Belongs to one project.
    Component(Arc<Component>),
}

/// A component that came from outside.
#[derive(Debug)]
pub struct Component {
    bytes: Vec<u8>,
    hash: [u8; 32],
}

impl Component {
    /// A component, not looked at.
    pub fn new(bytes: Vec<u8>) -> Self {
        let hash = Sha256::digest(&bytes).into();
        Self { bytes, hash }
    }
}

const JAVASCRIPT: &[u8] = include_bytes!("../images/javascript.wasm.zst");
const PYTHON: &[u8] = include_bytes!("../images/python.wasm.zst");

/// No image unpacks to more.
const UNPACKED_MAX: u64 = 128 << 20;

impl Image {
    /// What names it: the hash of what is in the tree, or of the component.
    pub(crate) fn hash(&self) -> [u8; 32] {
        match self {
            Self::JavaScript => Sha256::digest(JAVASCRIPT).into(),
            Self::Python => Sha256::digest(PYTHON).into(),
            Self::Component(component) => component.hash,
        }
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
            Self::Component(component) => Ok(component.bytes.clone()),
        }
    }
}

fn unpack(packed: &[u8]) -> std::io::Result<Vec<u8>> {
    let decoder = ruzstd::decoding::StreamingDecoder::new(packed).map_err(std::io::Error::other)?;
    let mut wasm = Vec::new();
    decoder.take(UNPACKED_MAX).read_to_end(&mut wasm)?;
    Ok(wasm)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_images_of_the_tree_unpack_to_components() {
        for image in [Image::JavaScript, Image::Python] {
            let wasm = image.wasm().unwrap();
            assert_eq!(&wasm[..8], b"\0asm\x0d\0\x01\0", "{image:?}");
        }
    }
}
