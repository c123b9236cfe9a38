// Command op is an identity provider in Go, beside the certified one of the browser tests: zitadel/oidc with the users
// of its example. It knows one client, prints its issuer, and listens on loopback only:
//
//	op http://127.0.0.1:8080/login/zitadel/callback
package main

import (
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/zitadel/oidc/v3/example/server/exampleop"
	"github.com/zitadel/oidc/v3/example/server/storage"
)

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	issuer := fmt.Sprintf("http://localhost:%d/", listener.Addr().(*net.TCPAddr).Port)
	storage.RegisterClients(storage.WebClient("console", "a client secret", os.Args[1]))
	users := storage.NewStorage(storage.NewUserStore(issuer))
	server := http.Server{
		Handler: exampleop.SetupServer(issuer, users, slog.New(slog.DiscardHandler), false), ReadHeaderTimeout: time.Minute,
	}
	fmt.Println(issuer)
	log.Fatal(server.Serve(listener))
}
