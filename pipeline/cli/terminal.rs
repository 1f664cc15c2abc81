//! The terminal, if there is one.

/// Lines elsewhere, in files and pipes, are this long.
const WIDTH: usize = 100;

/// Characters a line.
pub(crate) fn width() -> usize {
    match rustix::termios::tcgetwinsize(std::io::stdout()) {
        Ok(size) if size.ws_col > 0 => usize::from(size.ws_col),
        _ => WIDTH,
    }
}
