//! To whom an error is answered, and in which shape.

/// The form of an answer. The in-stream form follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A JSON-RPC response object.
    JsonRpc,
    /// `google.rpc.Status` in JSON (A2A 1.0 §11.6); for 0.x callers `{code, message, data}`.
    HttpJson,
    /// A gRPC status: HTTP 200 with nothing but headers, or trailers once messages have passed.
    Grpc,
    /// No binding is known, as for a card or an unknown path: `google.rpc.Status` in JSON.
    Plain,
}

/// The generation of A2A in which the caller reads errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// 0.1: codes from -32006 on have other meanings than later.
    V01,
    /// 0.2 and 0.3: `error.data` is any JSON.
    V0,
    /// 1.0 and later: `error.data` is an array of typed objects.
    V1,
}

/// To whom an error is answered.
#[derive(Clone, Copy, Debug)]
pub struct Caller<'a> {
    /// The form of the answer.
    pub shape: Shape,
    /// The caller's generation of A2A.
    pub dialect: Dialect,
    /// The JSON-RPC request id as raw JSON text. `None` is answered as null.
    pub id: Option<&'a str>,
}

impl<'a> Caller<'a> {
    /// A caller of the JSON-RPC binding; `id` is raw JSON text.
    pub const fn json_rpc(dialect: Dialect, id: Option<&'a str>) -> Self {
        Self { shape: Shape::JsonRpc, dialect, id }
    }

    /// A caller of the HTTP+JSON binding.
    pub const fn http_json(dialect: Dialect) -> Self {
        Self { shape: Shape::HttpJson, dialect, id: None }
    }

    /// A caller of the gRPC binding.
    pub const fn grpc() -> Self {
        Self { shape: Shape::Grpc, dialect: Dialect::V1, id: None }
    }

    /// A caller whose binding is not known.
    pub const fn plain() -> Self {
        Self { shape: Shape::Plain, dialect: Dialect::V1, id: None }
    }
}
