//! The agents behind the gateway: endpoints, connections, pools, deadlines.
//!
//! A compiled [`Endpoint`] says where and how; a [`Pool`], one per worker thread, keeps the connections; a
//! [`ResponseBody`] owns its connection until it has been read to the exact end.
//!
//! [`Endpoint`]: endpoint::Endpoint
//! [`Pool`]: pool::Pool
//! [`ResponseBody`]: body::ResponseBody

pub mod address;
pub mod body;
mod connect;
pub mod endpoint;
pub mod error;
pub mod http1;
mod http2;
pub mod pool;
mod resolve;
mod slot;
pub mod tls;
mod transport;

#[cfg(test)]
mod tests;
