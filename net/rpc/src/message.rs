//! Messages: what a frame's JSON means to JSON-RPC 2.0.
//!
//! Batches are refused: none of the protocols that are spoken here has them.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// The codes of JSON-RPC 2.0 and LSP 3.17 that are used here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorCode {
    /// The bytes are no JSON.
    Parse,
    /// The JSON is no message.
    InvalidRequest,
    /// Nobody knows the method.
    MethodNotFound,
    /// The method does not take these arguments.
    InvalidParams,
    /// It failed inside.
    Internal,
    /// It was cancelled.
    Cancelled,
    /// The method's own failure, told in the message.
    Failed,
}

impl ErrorCode {
    /// The number on the wire.
    #[must_use]
    pub fn number(self) -> i64 {
        match self {
            Self::Parse => -32700,
            Self::InvalidRequest => -32600,
            Self::MethodNotFound => -32601,
            Self::InvalidParams => -32602,
            Self::Internal => -32603,
            Self::Cancelled => -32800,
            Self::Failed => -32000,
        }
    }
}

/// An error as it crosses the wire.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RpcError {
    /// See [`ErrorCode::number`]; the other side may use its own.
    pub code: i64,
    /// One sentence.
    pub message: String,
    /// Whatever else there is to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Value>,
}

impl RpcError {
    /// An error of a known code.
    #[must_use]
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code: code.number(), message: message.into(), data: None }
    }

    /// The answer to a method that nobody knows.
    #[must_use]
    pub fn method_not_found(method: &str) -> Self {
        let shown: String = method.chars().take(100).collect();
        Self::new(ErrorCode::MethodNotFound, format!("there is no method {shown:?}"))
    }
}

impl fmt::Display for RpcError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.message, self.code)
    }
}

impl std::error::Error for RpcError {}

/// What a request is known by, to the side that made it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Id {
    /// A whole number.
    Number(i64),
    /// A string.
    Text(String),
}

impl Id {
    pub(crate) fn from_json(value: &Value) -> Option<Self> {
        match value {
            Value::Number(number) => number.as_i64().map(Self::Number),
            Value::String(text) => Some(Self::Text(text.clone())),
            _ => None,
        }
    }

    fn to_json(&self) -> Value {
        match self {
            Self::Number(number) => json!(number),
            Self::Text(text) => json!(text),
        }
    }
}

/// One message.
#[derive(Clone, Debug, PartialEq)]
pub enum Message {
    /// It wants an answer.
    Request {
        /// What the answer must carry.
        id: Id,
        /// What is asked.
        method: String,
        /// An object, an array, or null.
        params: Value,
    },
    /// It wants none.
    Notification {
        /// What is told.
        method: String,
        /// An object, an array, or null.
        params: Value,
    },
    /// It is one. Without an id it answers a message that its sender could not read.
    Response {
        /// Of the request that it answers.
        id: Option<Id>,
        /// The answer.
        result: Result<Value, RpcError>,
    },
}

/// A message that cannot be read: what to answer, and to whom.
#[derive(Clone, Debug, PartialEq)]
pub struct Malformed {
    /// The request's id, if that much could be read.
    pub id: Option<Id>,
    /// What is wrong.
    pub error: RpcError,
}

impl Message {
    /// Reads a frame's bytes; `depth` is how deep they may nest.
    ///
    /// # Errors
    /// [`Malformed`], which is to be answered.
    pub fn parse(bytes: &[u8], depth: usize) -> Result<Self, Malformed> {
        let malformed =
            |id, code, message: String| Err(Malformed { id, error: RpcError::new(code, message) });
        if is_deeper(bytes, depth) {
            let message = format!("the message nests deeper than {depth}");
            return malformed(None, ErrorCode::InvalidRequest, message);
        }
        let value = match serde_json::from_slice(bytes) {
            Ok(value) => value,
            Err(error) => return malformed(None, ErrorCode::Parse, format!("no JSON: {error}")),
        };
        let Value::Object(mut fields) = value else {
            let message = "a message is one object".to_owned();
            return malformed(None, ErrorCode::InvalidRequest, message);
        };
        let id = fields.remove("id");
        let known = id.as_ref().and_then(Id::from_json);
        if fields.remove("jsonrpc") != Some(json!("2.0")) {
            let message = "a message has \"jsonrpc\": \"2.0\"".to_owned();
            return malformed(known, ErrorCode::InvalidRequest, message);
        }
        match (fields.remove("method"), id) {
            (Some(Value::String(method)), id) => {
                let params = fields.remove("params").unwrap_or(Value::Null);
                if !matches!(params, Value::Null | Value::Object(_) | Value::Array(_)) {
                    let message = "\"params\" is an object or an array".to_owned();
                    return malformed(known, ErrorCode::InvalidParams, message);
                }
                match (id, known) {
                    (None, _) => Ok(Self::Notification { method, params }),
                    (Some(_), Some(id)) => Ok(Self::Request { id, method, params }),
                    (Some(_), None) => {
                        let message = "an \"id\" is a whole number or a string".to_owned();
                        malformed(None, ErrorCode::InvalidRequest, message)
                    }
                }
            }
            (None, Some(_)) if fields.contains_key("result") || fields.contains_key("error") => {
                Ok(Self::Response { id: known, result: read_result(&mut fields) })
            }
            _ => {
                let message = "a message has a \"method\", or an \"id\" and a \"result\" or an \
                               \"error\"";
                malformed(known, ErrorCode::InvalidRequest, message.to_owned())
            }
        }
    }

    /// Compact JSON, without a line end.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let value = match self {
            Self::Request { id, method, params } => {
                with_params(json!({"jsonrpc": "2.0", "id": id.to_json(), "method": method}), params)
            }
            Self::Notification { method, params } => {
                with_params(json!({"jsonrpc": "2.0", "method": method}), params)
            }
            Self::Response { id, result } => {
                let id = id.as_ref().map_or(Value::Null, Id::to_json);
                match result {
                    Ok(result) => json!({"jsonrpc": "2.0", "id": id, "result": result}),
                    Err(error) => json!({"jsonrpc": "2.0", "id": id, "error": error}),
                }
            }
        };
        serde_json::to_vec(&value).expect("a JSON value can be written")
    }
}

/// Absent and null are the same to us, and LSP servers want the former.
fn with_params(mut message: Value, params: &Value) -> Value {
    if !params.is_null() {
        message["params"] = params.clone();
    }
    message
}

fn read_result(fields: &mut Map<String, Value>) -> Result<Value, RpcError> {
    match fields.remove("error") {
        None | Some(Value::Null) => Ok(fields.remove("result").unwrap_or(Value::Null)),
        Some(error) => Err(serde_json::from_value(error).unwrap_or_else(|_| {
            RpcError::new(ErrorCode::Internal, "the other side answered with a malformed error")
        })),
    }
}

/// Counts brackets outside strings; nothing is allocated before this has passed.
fn is_deeper(bytes: &[u8], limit: usize) -> bool {
    let (mut depth, mut in_string, mut is_escaped) = (0_usize, false, false);
    for &byte in bytes {
        if in_string {
            match byte {
                _ if is_escaped => is_escaped = false,
                b'\\' => is_escaped = true,
                b'"' => in_string = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b'[' | b'{' => {
                depth += 1;
                if depth > limit {
                    return true;
                }
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Message, Malformed> {
        Message::parse(text.as_bytes(), 20)
    }

    #[test]
    fn what_is_encoded_is_parsed_again() {
        let error = RpcError { code: 7, message: "no".into(), data: Some(json!([1])) };
        for message in [
            Message::Request {
                id: Id::Number(-1),
                method: "a/b".into(),
                params: json!({"x": "\n"}),
            },
            Message::Request { id: Id::Text("q".into()), method: String::new(), params: json!([]) },
            Message::Notification { method: "n".into(), params: Value::Null },
            Message::Response { id: Some(Id::Number(3)), result: Ok(Value::Null) },
            Message::Response { id: None, result: Err(error) },
        ] {
            let bytes = message.encode();
            assert!(!bytes.contains(&b'\n'));
            assert_eq!(Message::parse(&bytes, 20), Ok(message));
        }
    }

    #[test]
    fn what_is_malformed_gets_the_code_that_the_standard_has() {
        for (text, code, id) in [
            ("{", -32700, None),
            ("\u{0}", -32700, None),
            (r#"{"jsonrpc":"2.0","method":"\ud800"}"#, -32700, None),
            ("[]", -32600, None),
            ("1", -32600, None),
            (r#"{"method":"a","id":1}"#, -32600, Some(Id::Number(1))),
            (r#"{"jsonrpc":"2.0","method":1,"id":1}"#, -32600, Some(Id::Number(1))),
            (r#"{"jsonrpc":"2.0","method":"a","id":1.5}"#, -32600, None),
            (r#"{"jsonrpc":"2.0","method":"a","id":null}"#, -32600, None),
            (r#"{"jsonrpc":"2.0","id":1}"#, -32600, Some(Id::Number(1))),
            (r#"{"jsonrpc":"2.0","method":"a","params":1,"id":2}"#, -32602, Some(Id::Number(2))),
        ] {
            let malformed = parse(text).unwrap_err();
            assert_eq!((malformed.error.code, malformed.id), (code, id), "{text}");
        }
    }

    #[test]
    fn depth_is_counted_outside_strings() {
        let nested = |depth: usize| {
            let (open, close) = ("[".repeat(depth - 1), "]".repeat(depth - 1));
            format!(r#"{{"jsonrpc":"2.0","method":"[[[\"[[[","params":{open}{close}}}"#)
        };
        assert!(parse(&nested(20)).is_ok());
        assert_eq!(parse(&nested(21)).unwrap_err().error.code, -32600);
        assert_eq!(parse(&nested(1_000_000)).unwrap_err().error.code, -32600);
    }
}
