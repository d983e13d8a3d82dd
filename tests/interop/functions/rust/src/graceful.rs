// SPDX-License-Identifier: Apache-2.0
//! A function that says goodbye: lambda_runtime registers an extension so as to get SIGTERM.

use lambda_runtime::{run, service_fn, spawn_graceful_shutdown_handler, Error, LambdaEvent};
use serde_json::Value;

async fn handler(event: LambdaEvent<Value>) -> Result<Value, Error> {
    Ok(event.payload)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    spawn_graceful_shutdown_handler(|| async { println!("the function says goodbye") }).await;
    run(service_fn(handler)).await
}
