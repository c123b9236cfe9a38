package telemetry

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"
	"google.golang.org/protobuf/encoding/protowire"

	"tollgate/handlers/intake"
	"tollgate/handlers/reqctx"
	"tollgate/models/plural"
	"tollgate/models/usage"
)

// TracesPath is where OTLP/HTTP sends traces.
const TracesPath = "/v1/traces"

// RecordTraces counts the calls in exported spans. It answers as OTLP/HTTP has it, in the media type of the request:
// with how many spans were rejected, and why.
func (t *Telemetry) RecordTraces(c *gin.Context) error {
	body, media, err := readBody(c, typeProtobuf, typeJSON)
	if err != nil {
		return err
	}
	read := readProtobuf
	if media == typeJSON {
		read = readJSON
	}
	spans, err := read(body)
	if err != nil {
		return err
	}
	results, err := t.record(reqctx.Of(c), calls(spans))
	if err != nil {
		return err
	}
	answerTraces(c, media, refused(results))
	return nil
}

func unreadableTraces(media string) error {
	return intake.Unreadable("", "unreadable_traces", "Send an ExportTraceServiceRequest as "+media+".")
}

// answerTraces writes an ExportTraceServiceResponse.
func answerTraces(c *gin.Context, media string, rejected []usage.Result) {
	message := reasons(rejected)
	if media == typeJSON {
		answer := gin.H{}
		if len(rejected) > 0 {
			answer["partialSuccess"] = gin.H{"rejectedSpans": fmt.Sprint(len(rejected)), "errorMessage": message}
		}
		c.JSON(http.StatusOK, answer)
		return
	}
	var answer []byte
	if len(rejected) > 0 {
		partial := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), uint64(len(rejected)))
		partial = protowire.AppendString(protowire.AppendTag(partial, 2, protowire.BytesType), message)
		answer = protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), partial)
	}
	c.Data(http.StatusOK, typeProtobuf, answer)
}

// namedReasons is how many rejected spans a message names.
const namedReasons = 5

func reasons(rejected []usage.Result) string {
	var all []string
	for _, r := range rejected[:min(len(rejected), namedReasons)] {
		for _, p := range r.Errors {
			all = append(all, p.Field+": "+p.Message)
		}
	}
	if more := len(rejected) - namedReasons; more > 0 {
		all = append(all, "And "+plural.Of(more, "more span")+".")
	}
	return strings.Join(all, " ")
}

// grpcCodes are the codes of gRPC by status, as a Status has them.
var grpcCodes = map[int]uint64{
	http.StatusBadRequest: 3, http.StatusUnsupportedMediaType: 3, http.StatusUnauthorized: 16, http.StatusForbidden: 7,
	http.StatusRequestEntityTooLarge: 8, http.StatusTooManyRequests: 8, http.StatusServiceUnavailable: 14,
}

// codeInternal is the code of any other failure.
const codeInternal = 13

// RefuseTraces answers a failure as OTLP/HTTP has it: a google.rpc.Status in the media type of the request.
func RefuseTraces(c *gin.Context, status int, message string) {
	code, ok := grpcCodes[status]
	if !ok {
		code = codeInternal
	}
	if strings.HasPrefix(c.GetHeader("Content-Type"), typeProtobuf) {
		body := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), code)
		c.Data(status, typeProtobuf, protowire.AppendString(protowire.AppendTag(body, 2, protowire.BytesType), message))
		return
	}
	body, _ := json.Marshal(gin.H{"code": code, "message": message})
	c.Data(status, typeJSON, body)
}
