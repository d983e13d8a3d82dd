// SPDX-License-Identifier: Apache-2.0
//! An extension that tells each event that it gets.

use lambda_extension::{run, service_fn, Error, LambdaEvent, NextEvent};

async fn handler(event: LambdaEvent) -> Result<(), Error> {
    match event.next {
        NextEvent::Invoke(invoke) => println!(
            "events: INVOKE {} {} {}",
            invoke.request_id, invoke.invoked_function_arn, invoke.tracing.value
        ),
        NextEvent::Shutdown(shutdown) => {
            println!("events: SHUTDOWN {}", shutdown.shutdown_reason);
            std::process::exit(0);
        }
    }
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    run(service_fn(handler)).await
}
