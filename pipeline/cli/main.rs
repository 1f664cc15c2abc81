//! pacbot
fn main() {}
