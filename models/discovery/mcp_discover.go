package discovery

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/uptrace/bun"

	"tollgate/models/catalogue"
	"tollgate/models/database"
	"tollgate/models/mcptool"
	"tollgate/models/permission"
	"tollgate/models/problem"
	"tollgate/models/secret"
)

const (
	discoveryTime  = 10 * time.Second
	discoveryBytes = 1 << 20
)

// RefreshMCPTools asks a server for its tools and stores its answer. A removed tool is kept, marked as gone, while a
// profile or a tool group names it; skipped are the entries that no policy could name. Nothing is locked during the
// call. A refusal comes with the unchanged server. Refusals: NotFound, Invalid when the server cannot be called.
func RefreshMCPTools(
	ctx context.Context, db bun.IDB, keys secret.Keys, actor permission.Actor, clientID string, private bool,
) (s mcptool.Server, skipped []string, err error) {
	if s, err = mcptool.GetServer(ctx, db, clientID); err != nil {
		return s, nil, err
	}
	if s.URL == nil {
		return s, nil, problem.Refuse(
			problem.Invalid, "url", "no_url", "Enter the server's address first; without one it cannot be asked for its tools.",
		)
	}
	credential, err := s.Credential(keys)
	if err != nil {
		return s, nil, err
	}
	asked := *s.URL
	found, err := Discover(ctx, Request{Address: asked, Credential: credential, Private: private})
	if err != nil {
		return s, nil, err
	}
	changed, err := mcptool.ChangeServer(
		ctx, db, actor, clientID,
		func(ctx context.Context, tx database.Tx, now mcptool.Server) (mcptool.Server, error) {
			if now.URL == nil || *now.URL != asked {
				return now, problem.Refuse(problem.Conflict, "url", "url_changed", "The address was changed meanwhile. Ask again.")
			}
			gone, err := catalogue.NamedTools(ctx, tx, clientID, mcptool.Without(now.Tools, found.Tools))
			if err != nil {
				return now, err
			}
			if len(found.Tools)+len(gone) > mcptool.MaxRows {
				return now, tooManyTools()
			}
			at := time.Now().UTC().Truncate(time.Microsecond)
			for _, tool := range gone {
				if text, described := now.ToolDescriptions[tool]; described {
					found.Descriptions[tool] = text
				}
			}
			now.Tools, now.GoneTools, now.ToolsRefreshedAt = append(found.Tools, gone...), gone, &at
			now.ToolDescriptions = found.Descriptions
			return now, nil
		},
	)
	if err != nil {
		return s, found.Skipped, err
	}
	return changed, found.Skipped, nil
}

// Request is whom to ask for tools. The credential is sent to the address alone; Private allows private networks.
type Request struct {
	Address    string
	Credential *mcptool.Credential
	Private    bool
}

// Found are the tools of a server, what it says of them, and the entries that no policy could name.
type Found struct {
	Tools        []string
	Descriptions map[string]string
	Skipped      []string
}

// Discover asks a server for its tools, over streamable HTTP. It follows no redirect, waits 10 seconds and reads 1 MiB
// at most. Of the server's text only names and descriptions of tools are kept, and none that repeats the credential.
func Discover(ctx context.Context, r Request) (Found, error) {
	ctx, cancel := context.WithTimeout(ctx, discoveryTime)
	defer cancel()
	call := newOutboundCall(ctx, cancel, r)
	defer call.end()
	tools, err := listTools(ctx, call.client, r.Address)
	if err != nil {
		return Found{}, call.refusal(err)
	}
	call.mutex.Lock()
	defer call.mutex.Unlock()
	descriptions := map[string]string{}
	for _, tool := range tools {
		if text := call.descriptions[tool]; text != "" {
			descriptions[tool] = text
		}
	}
	return Found{tools, descriptions, call.skipped}, nil
}

var errTooManyTools = errors.New("too many tools")

func connectMCP(ctx context.Context, client *http.Client, address string) (*mcp.ClientSession, error) {
	mcpClient := mcp.NewClient(
		&mcp.Implementation{Name: "tollgate", Version: "1"}, &mcp.ClientOptions{Capabilities: &mcp.ClientCapabilities{}},
	)
	return mcpClient.Connect(ctx, &mcp.StreamableClientTransport{
		Endpoint: address, HTTPClient: client, MaxRetries: -1, DisableStandaloneSSE: true, MaxEventSize: discoveryBytes,
	}, nil)
}

func listTools(ctx context.Context, client *http.Client, address string) ([]string, error) {
	session, err := connectMCP(ctx, client, address)
	if err != nil {
		return nil, err
	}
	defer session.Close()
	tools, seen := []string{}, map[string]bool{}
	for tool, err := range session.Tools(ctx, nil) {
		switch {
		case err != nil:
			return nil, err
		case tool == nil || !mcptool.ToolName.MatchString(tool.Name): // in an answer that cleaning does not know
			continue
		case seen[tool.Name]:
			continue
		case len(tools) == mcptool.MaxRows:
			return nil, errTooManyTools
		}
		seen[tool.Name] = true
		tools = append(tools, tool.Name)
	}
	return tools, nil
}

// outboundCall is the traffic of one discovery. It records why it was aborted, since the protocol's errors may not say.
type outboundCall struct {
	client                                 *http.Client
	transport                              *http.Transport
	ctx                                    context.Context
	cancel                                 context.CancelFunc
	left                                   atomic.Int64 // bytes that may still be read
	blocked, redirected, overlarge, denied atomic.Bool

	request Request

	mutex        sync.Mutex
	skipped      []string          // entries that no policy can name
	descriptions map[string]string // of tools, by name
	entries      int               // of all lists
}

func tooManyTools() error {
	return problem.Refuse(
		problem.Invalid, "url", "discovery_failed", "The server has more than 1000 tools. Type in those that profiles need.",
	)
}

// refusal says what to do about a failed call.
func (o *outboundCall) refusal(err error) error {
	code, message := "discovery_failed", "No MCP server answered there over streamable HTTP. "+
		"Check the address, and whether it asks for a credential."
	switch {
	case o.denied.Load() && o.request.Credential != nil:
		message = "The server does not accept the credential in " + o.request.Credential.Header + ". Enter it again."
	case o.denied.Load():
		message = "The server asks for a credential. Enter the header that carries it."
	case errors.Is(err, errTooManyTools):
		return tooManyTools()
	case o.blocked.Load():
		code = "address_not_allowed"
		message = "Enter another address: " +
			"this one leads to a private or reserved network, which may not be called from here. " +
			"Loopback and private networks can be allowed with TOLLGATE_MCP_PRIVATE."
	case o.redirected.Load():
		message = "Enter the address that the server redirects to; redirects are not followed."
	case o.overlarge.Load():
		message = "The server's answer is longer than 1 MiB. Type its tools in instead."
	case o.ctx.Err() != nil:
		message = "The server did not list its tools within 10 seconds. Check the address, or try again later."
	}
	return problem.Refuse(problem.Invalid, "url", code, message)
}
