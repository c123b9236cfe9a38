package extauthz

import (
	"context"
	"net/http"
	"strings"

	auth "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/peer"
)

// mostBytes is how large a check may be: the largest body that is read, and its headers.
const mostBytes = 4 << 20

// Server answers checks over gRPC, and leaves every other request to the console.
type Server struct {
	auth.UnimplementedAuthorizationServer
	console http.Handler
	grpc    *grpc.Server
}

// New makes a Server in front of the console's routes.
func New(console http.Handler) *Server {
	options := []grpc.ServerOption{grpc.MaxRecvMsgSize(mostBytes), grpc.ForceServerCodecV2(newCodec())}
	s := &Server{console: console, grpc: grpc.NewServer(options...)}
	auth.RegisterAuthorizationServer(s.grpc, s)
	return s
}

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.ProtoMajor == 2 && strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc") {
		readable(r)
		s.grpc.ServeHTTP(w, r)
		return
	}
	s.console.ServeHTTP(w, r)
}

// Check decides about a call. What cannot be read as a call is denied, as is one that the door refuses: an error of
// gRPC would leave it to the settings of the proxy.
func (s *Server) Check(ctx context.Context, check *auth.CheckRequest) (*auth.CheckResponse, error) {
	request, err := repeat(ctx, check.GetAttributes())
	if err != nil {
		return unreadable(err), nil
	}
	if from, ok := peer.FromContext(ctx); ok {
		request.RemoteAddr = from.Addr.String()
	}
	called := request.Header.Clone()
	a := &answer{header: http.Header{}, status: http.StatusOK}
	s.console.ServeHTTP(a, request)
	return a.response(called), nil
}
