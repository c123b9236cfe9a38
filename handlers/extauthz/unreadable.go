package extauthz

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"io"
	"net/http"

	auth "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
)

// codec reads a check that is no message, such as one with a path that is no UTF-8, as an empty one. An error would be
// answered by gRPC itself, and the proxy's settings would decide.
type codec struct{ encoding.CodecV2 }

func newCodec() codec { return codec{encoding.GetCodecV2(proto.Name)} }

func (c codec) Unmarshal(data mem.BufferSlice, v any) error {
	err := c.CodecV2.Unmarshal(data, v)
	if check, ok := v.(*auth.CheckRequest); ok && err != nil {
		check.Reset()
		return nil
	}
	return err
}

// prefixBytes is how long the prefix of a message of gRPC is: whether it is compressed, and its length.
const prefixBytes = 5

// readable puts an empty message in the place of one that is too large, compressed or missing, for the same reason.
func readable(r *http.Request) {
	prefix := make([]byte, prefixBytes)
	_, err := io.ReadFull(r.Body, prefix)
	r.Header.Del("Grpc-Encoding")
	message := io.Reader(bytes.NewReader(make([]byte, prefixBytes)))
	if err == nil && prefix[0] == 0 && binary.BigEndian.Uint32(prefix[1:]) <= mostBytes {
		message = io.MultiReader(bytes.NewReader(prefix), r.Body)
	}
	r.Body = struct {
		io.Reader
		io.Closer
	}{message, r.Body}
}

// unreadable denies a check that describes no call, in the form of the doors.
func unreadable(err error) *auth.CheckResponse {
	body, _ := json.Marshal(map[string]any{
		"allowed": false, "error": map[string]string{"type": "unreadable_call", "message": "The check cannot be read: " + err.Error() + "."},
	})
	a := &answer{header: http.Header{"X-Access-Reason": {"unreadable_call"}, "Content-Type": {"application/json"}}, status: http.StatusForbidden}
	a.body.Write(body)
	return a.response(nil)
}
