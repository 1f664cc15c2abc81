//! pacbot-collect

mod decode;
#[cfg(test)]
mod testing;
