//! The scripted camera as a program, to be run in a namespace of the lab until it is killed.
//!
//! Its options are those of [`rtspscope_tests::scripted::camera::Camera::from_args`].

use std::error::Error;

use rtspscope_tests::scripted::camera::Camera;

fn main() -> Result<(), Box<dyn Error>> {
    let camera = Camera::from_args(std::env::args().skip(1))?;
    camera.serve()?;
    Ok(())
}
