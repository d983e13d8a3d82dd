// SPDX-License-Identifier: Apache-2.0

// What all functions of these tests do, for aws-lambda-go: echo, fail, answer 3 MB, fail in init; and,
// when it is told to, say goodbye.
package main

import (
	"context"
	"errors"
	"log"
	"os"
	"strings"

	"github.com/aws/aws-lambda-go/lambda"
)

func handler(_ context.Context, event map[string]any) (any, error) {
	switch event["do"] {
	case "fail":
		return nil, errors.New("the function was told to fail")
	case "big":
		return strings.Repeat("x", 3000000), nil
	}
	return event, nil
}

func main() {
	if os.Getenv("FAIL_INIT") != "" {
		log.Fatal("init was told to fail")
	}
	if os.Getenv("GOODBYE") == "" {
		lambda.Start(handler)
	}
	lambda.StartWithOptions(handler, lambda.WithEnableSIGTERM(func() {
		log.Print("the function says goodbye")
	}))
}
