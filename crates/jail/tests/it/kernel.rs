//! The kernel's calls without a library between.

use std::io;

use nix::libc;

/// Calls it. Arguments are numbers or addresses of what lives longer than the call.
#[expect(
    unsafe_code,
    reason = "libraries wrap few of the calls that must be refused; this is a test's process, which ends right after"
)]
pub(crate) fn call<const N: usize>(number: i64, arguments: [usize; N]) -> io::Result<i64> {
    let mut all = [0; 6];
    all[..N].copy_from_slice(&arguments);
    // SAFETY: every caller passes what the call expects, or what it must refuse
    let result = unsafe { libc::syscall(number, all[0], all[1], all[2], all[3], all[4], all[5]) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// The address of something.
pub(crate) fn at<T: ?Sized>(thing: &T) -> usize {
    std::ptr::from_ref(thing).cast::<u8>().expose_provenance()
}

/// A text as the kernel takes it.
pub(crate) fn text(text: &str) -> std::ffi::CString {
    std::ffi::CString::new(text).unwrap()
}
