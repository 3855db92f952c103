//! What the kernel's verifier needs and nothing else.

/// Makes the compiler forget what it knows of a value, so that it keeps a mask or check that it could prove needless.
///
/// Old verifiers lose a bound that the compiler has proved and then dropped. One instruction is emitted: without any,
/// two lines of debug information fall on the same place, which the kernel refuses. Outside the kernel it does nothing.
#[inline(always)]
pub fn hide(value: u64) -> u64 {
    #[cfg(target_arch = "bpf")]
    let value = {
        let mut value = value;
        // SAFETY: copies a register to itself.
        unsafe {
            core::arch::asm!("{0} = {0}", inout(reg) value, options(pure, nomem, nostack, preserves_flags))
        };
        value
    };
    value
}
