package reply

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"

	"github.com/gin-gonic/gin"

	"tollgate/models/problem"
	"tollgate/models/scim"
)

// SCIM answers a value in the media type of SCIM.
func SCIM(c *gin.Context, status int, body any) {
	encoded, err := json.Marshal(body)
	if err != nil {
		panic(fmt.Sprintf("encode %T: %v", body, err)) // our own types always encode
	}
	c.Data(status, "application/scim+json; charset=utf-8", encoded)
}

// SCIMError answers a refusal as SCIM does.
func SCIMError(c *gin.Context, status int, refusal *problem.Refusal) {
	if status == http.StatusUnauthorized {
		c.Header("WWW-Authenticate", `Bearer realm="tollgate"`)
	}
	first := refusal.Problems[0]
	body := gin.H{
		"schemas": []string{"urn:ietf:params:scim:api:messages:2.0:Error"}, "status": strconv.Itoa(status),
		"detail": first.Message,
	}
	if slices.Contains(scim.Kinds, first.Code) {
		body["scimType"] = first.Code
	}
	SCIM(c, status, body)
}
