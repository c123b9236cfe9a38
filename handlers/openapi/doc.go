// Package openapi describes the JSON API as an OpenAPI 3.1 document. openapi.yaml is written by hand; the tests hold it
// against the route table, the inputs that the decoder reads, and every answer that they receive.
package openapi
