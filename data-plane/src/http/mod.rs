//! HTTP basics that several stages share: headers, forwarded addresses, error answers.
