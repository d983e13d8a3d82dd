// SPDX-License-Identifier: Apache-2.0
//! What all functions of these tests do, for lambda_runtime: echo, fail, answer 3 MB, fail in init.

use lambda_runtime::{run, service_fn, Diagnostic, Error, LambdaEvent};
use serde_json::Value;

async fn handler(event: LambdaEvent<Value>) -> Result<Value, Diagnostic> {
    match event.payload["do"].as_str() {
        Some("fail") => Err(Diagnostic {
            error_type: "RangeError".into(),
            error_message: "the function was told to fail".into(),
        }),
        Some("big") => Ok("x".repeat(3_000_000).into()),
        _ => Ok(event.payload),
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    if std::env::var_os("FAIL_INIT").is_some() {
        return Err("init was told to fail".into());
    }
    run(service_fn(handler)).await
}
