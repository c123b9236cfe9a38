package web

import "github.com/gin-gonic/gin"

// trustProxies makes the address of a request that comes from one of proxies the last one in X-Forwarded-For that is
// not a proxy itself; without proxies it stays that of the connection. No other header counts, as proxies pass
// X-Real-IP on as clients sent it. Errors: a proxy that is no address or network.
func trustProxies(engine *gin.Engine, proxies []string) error {
	engine.RemoteIPHeaders = []string{"X-Forwarded-For"}
	return engine.SetTrustedProxies(proxies)
}
