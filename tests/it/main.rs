//! The executable against real servers on loopback: an emulator of AWS, object stores, outside readers.
//!
//! `tests/run` installs the servers. Each test starts what it needs on free ports and stops it at its end.

#![expect(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests")]

mod bad_input;
#[cfg(feature = "ballista")]
mod ballista;
mod compared;
mod demo;
mod estate;
mod faults;
mod fixes;
mod full_disk;
mod kill;
mod least_calls;
mod notify;
mod object_stores;
mod outside_readers;
mod pacbot;
mod people;
mod run_page;
mod schedule;
mod servers;
mod shrink;
mod units;
mod whole_path;
mod wide_estate;
