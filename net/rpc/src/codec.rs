//! Frames: where one message ends and the next begins.

use std::io::{self, BufRead, Read, Write};

/// How messages are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// One message a line, as on the control socket and in MCP.
    Newline,
    /// A `Content-Length` header before each, as in LSP and DAP.
    ContentLength,
}

/// What a peer takes from the other side, and what it lets wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The longest message either way, in bytes.
    pub frame_bytes: usize,
    /// How deep arrays and objects may lie in each other; at most 127, which the parser holds.
    pub depth: usize,
    /// Calls of ours that wait for an answer.
    pub calls: usize,
    /// Calls of theirs that are being worked on.
    pub requests: usize,
    /// Bytes that wait to be sent.
    pub outgoing_bytes: usize,
    /// Malformed messages in a row after which the connection is closed.
    pub malformed: usize,
}

impl Default for Limits {
    /// 10 MB a message, 100 deep, 1024 calls each way, 64 MB waiting, 64 malformed in a row.
    fn default() -> Self {
        Self {
            frame_bytes: 10_000_000,
            depth: 100,
            calls: 1024,
            requests: 1024,
            outgoing_bytes: 64_000_000,
            malformed: 64,
        }
    }
}

/// What a header block may take, in bytes.
const HEADERS_BYTES_MAX: u64 = 8 * 1024;

/// What reading a frame gives.
#[derive(Debug, PartialEq, Eq)]
pub enum Frame {
    /// A message's bytes; they may be no JSON at all.
    Message(Vec<u8>),
    /// It was longer than the limit, by its own account or by counting, and was skipped.
    TooLong,
    /// The other side has ended.
    End,
}

/// Reads the next frame.
///
/// # Errors
/// What the stream says; `InvalidData` when the place in it is lost for good.
pub fn read_frame(from: &mut impl BufRead, framing: Framing, limits: &Limits) -> io::Result<Frame> {
    match framing {
        Framing::Newline => read_line(from, limits.frame_bytes),
        Framing::ContentLength => read_counted(from, limits.frame_bytes),
    }
}

/// Writes one message as a frame, in one piece where the stream takes it so.
///
/// # Errors
/// What the stream says.
pub fn write_frame(to: &mut impl Write, framing: Framing, message: &[u8]) -> io::Result<()> {
    to.write_all(&frame(framing, message))?;
    to.flush()
}

/// The frame's bytes. Compact JSON holds no line end, which newline framing relies on.
#[must_use]
pub fn frame(framing: Framing, message: &[u8]) -> Vec<u8> {
    match framing {
        Framing::Newline => {
            debug_assert!(!message.contains(&b'\n'), "a message holds no line end");
            [message, b"\n"].concat()
        }
        Framing::ContentLength => {
            let head = format!("Content-Length: {}\r\n\r\n", message.len());
            [head.as_bytes(), message].concat()
        }
    }
}

/// Empty lines are skipped; a last line without an end counts.
fn read_line(from: &mut impl BufRead, limit: usize) -> io::Result<Frame> {
    loop {
        let mut line = Vec::new();
        from.by_ref().take(limit as u64 + 1).read_until(b'\n', &mut line)?;
        if line.is_empty() {
            return Ok(Frame::End);
        }
        if line.len() > limit && !line.ends_with(b"\n") {
            skip_line(from)?;
            return Ok(Frame::TooLong);
        }
        let text = line.trim_ascii();
        if !text.is_empty() {
            return Ok(Frame::Message(text.to_vec()));
        }
    }
}

fn skip_line(from: &mut impl BufRead) -> io::Result<()> {
    loop {
        let some = match from.fill_buf() {
            Ok(some) => some,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let end = some.iter().position(|&byte| byte == b'\n');
        let (taken, is_done) = end.map_or((some.len(), some.is_empty()), |at| (at + 1, true));
        from.consume(taken);
        if is_done {
            return Ok(());
        }
    }
}

fn read_counted(from: &mut impl BufRead, limit: usize) -> io::Result<Frame> {
    let Some(len) = read_headers(from)? else { return Ok(Frame::End) };
    if len > limit as u64 {
        let skipped = io::copy(&mut from.by_ref().take(len), &mut io::sink())?;
        return Ok(if skipped == len { Frame::TooLong } else { Frame::End });
    }
    // The room grows with what comes, not with what was announced.
    let mut message = Vec::new();
    from.by_ref().take(len).read_to_end(&mut message)?;
    Ok(if message.len() as u64 == len { Frame::Message(message) } else { Frame::End })
}

/// The length that a header block announces; `None` at the end of the stream.
fn read_headers(from: &mut impl BufRead) -> io::Result<Option<u64>> {
    let lost = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    let mut headers = from.by_ref().take(HEADERS_BYTES_MAX);
    let (mut len, mut line) = (None, Vec::new());
    loop {
        line.clear();
        headers.read_until(b'\n', &mut line)?;
        if !line.ends_with(b"\n") {
            let is_long = headers.limit() == 0;
            return if is_long { Err(lost("a header block is too long")) } else { Ok(None) };
        }
        let text = line.trim_ascii();
        if text.is_empty() {
            return len.map(Some).ok_or_else(|| lost("a message has no Content-Length"));
        }
        let mut parts = text.splitn(2, |&byte| byte == b':');
        let (name, value) = (parts.next().unwrap_or_default(), parts.next());
        let Some(value) = value else { return Err(lost("a header has no colon")) };
        if name.trim_ascii().eq_ignore_ascii_case(b"content-length") {
            let digits = std::str::from_utf8(value.trim_ascii()).ok();
            let number = digits.and_then(|digits| digits.parse().ok());
            len = Some(number.ok_or_else(|| lost("a Content-Length is no number"))?);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(bytes: &[u8], framing: Framing) -> Vec<Frame> {
        let limits = Limits { frame_bytes: 10, ..Limits::default() };
        let mut from = bytes;
        let mut frames = Vec::new();
        loop {
            match read_frame(&mut from, framing, &limits).unwrap() {
                Frame::End => return frames,
                frame => frames.push(frame),
            }
        }
    }

    fn message(text: &str) -> Frame {
        Frame::Message(text.as_bytes().to_vec())
    }

    #[test]
    fn lines_come_apart_and_a_long_one_is_skipped_alone() {
        let text = b"one\r\n\n two\n0123456789\n0123456789a\n01234567890123456789\nlast";
        let got = all(text, Framing::Newline);
        let long = [Frame::TooLong, Frame::TooLong];
        let expected = [message("one"), message("two"), message("0123456789")];
        assert_eq!(got[..3], expected);
        assert_eq!(got[3..5], long);
        assert_eq!(got[5..], [message("last")]);
    }

    #[test]
    fn counted_frames_come_apart() {
        let mut bytes = frame(Framing::ContentLength, b"{\n}");
        bytes.extend(b"content-type: x\r\nCONTENT-LENGTH:11\n\n01234567890");
        bytes.extend(frame(Framing::ContentLength, b""));
        bytes.extend(b"Content-Length: 5\r\n\r\ncut");
        let expected = [message("{\n}"), Frame::TooLong, message("")];
        assert_eq!(all(&bytes, Framing::ContentLength), expected);
    }

    #[test]
    fn a_lost_place_is_an_error() {
        let limits = Limits::default();
        let long = vec![b'a'; 9000];
        for bad in
            [&b"no colon\r\n\r\n"[..], b"a: b\r\n\r\n", b"Content-Length: -1\r\n\r\n", &long[..]]
        {
            let error = read_frame(&mut &*bad, Framing::ContentLength, &limits).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        }
    }
}
