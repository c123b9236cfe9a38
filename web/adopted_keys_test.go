package web_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"tollgate/web/webtest"
)

// foreignKey is a value as Bifrost makes them, with a part that tells it from others.
func foreignKey(n int) string {
	return fmt.Sprintf("sk-bf-0d4b7c1e-93fa-4f0e-8a52-%012d", 7_310_000_000+n)
}

func adopt(s webtest.Stage, user string, body any) webtest.Answer {
	return s.Admin.API("POST", "/api/users/"+user+"/virtual-keys/adopt", body)
}

// A value of another gateway works here at every door as one of our own does, and is shown nowhere.
func TestAdoptedKey(t *testing.T) {
	g := webtest.NewGateway(t)
	value := foreignKey(1)
	g.Bearer(value).Get(webtest.Quota).Refuses(401, "unauthenticated", "")
	var got webtest.Answer
	body := webtest.Object{"value": value, "name": "Bot", "description": "From the gateway before"}
	g.Audits(func() { got = adopt(g.Stage, g.Ada, body).Is(200) }, "create - "+g.Ada+" cli")
	key := got.Object("virtual_key")
	masked := "sk-bf-****" + value[len(value)-4:]
	webtest.Same(t, "adopted", []any{key["name"], key["value"], got.JSON()["adopted"]}, []any{"Bot", masked, true})

	g.Bearer(value).Get(webtest.Quota).Is(200)
	for _, decision := range []webtest.Object{g.Admin.Ask(webtest.Model(value)), g.Admin.Ask(webtest.With(webtest.Model(value), "reserve", true, "estimated_cost", 0.01))} {
		webtest.Same(t, "decision", decision["decision"], true)
	}
	for _, door := range webtest.Doors {
		g.Bearer(value).Body(door, `{"model":"openai/gpt-4o"}`).Is(200)
		g.Bearer(value).Body(door, `{"model":"openai/gpt-3"}`).Closed("model_blocked", 403)
	}
	found := webtest.Objects(g.Admin.API("POST", "/api/find", webtest.Object{"q": value}).Is(200).JSON()["results"])
	webtest.Same(t, "found", len(found), 1)
	g.Admin.Counted(webtest.Event(value))
	var spender string
	g.Scan(&spender, "SELECT virtual_key_id FROM counted_events")
	webtest.Same(t, "whose usage", spender, key["id"])

	// The same value once more changes nothing, with another name too.
	g.Unchanged(func() {
		for _, again := range []webtest.Object{body, {"value": value}} {
			got := adopt(g.Stage, g.Ada, again).Is(200)
			webtest.Same(t, "again", []any{got.Object("virtual_key")["id"], got.JSON()["adopted"]}, []any{key["id"], false})
		}
	})

	// Rotated and deleted like any other; late usage still finds its user.
	next := g.Admin.API("POST", webtest.RotatePath(key), `{"grace_period_seconds":60}`).Is(200).Object("virtual_key")["value"]
	g.Bearer(value).Get(webtest.Quota).Is(200)
	g.Unchanged(func() { adopt(g.Stage, g.Ada, body).Refuses(409, "key_taken", "value") })
	g.Admin.API("DELETE", webtest.KeyPath(g.Ada, key), nil).Is(200)
	for _, old := range []any{value, next} {
		g.Bearer(old).Get(webtest.Quota).Refuses(401, "unauthenticated", "")
		webtest.Same(t, "after it was deleted", g.Admin.Ask(webtest.Model(old))["decision"], false)
	}
	g.Admin.Counted(webtest.Event(value))
	g.Unchanged(func() { adopt(g.Stage, g.Ada, body).Refuses(409, "key_taken", "value") })

	places := map[string]string{"the log": g.Log.String(), "the answer": string(got.Body) + fmt.Sprint(got.Header)}
	for table, rows := range g.EveryTable(g.Owner()) {
		places["table "+table] = rows
	}
	for _, path := range []string{"/users/" + g.Ada, "/virtual-keys", "/audit", "/audit/export?format=jsonl"} {
		places[path] = string(g.Session.Get(path).Is(200).Body)
	}
	if leak := webtest.Leaks(places, value); leak != "" {
		t.Error(leak)
	}
}

// What could be guessed or is in use is refused, without a word of whose it is.
func TestAdoptedKeyRefused(t *testing.T) {
	s := webtest.NewStage(t)
	_, own := s.Assign(s.Ada, webtest.Research)
	taken := foreignKey(2)
	adopt(s, s.Ada, webtest.Object{"value": taken, "name": "Taken"}).Is(200)
	retired := s.Admin.API("POST", "/api/users/"+s.Ada+"/virtual-keys", nil).Is(200).Object("virtual_key")
	s.Admin.API("DELETE", webtest.KeyPath(s.Ada, retired), nil).Is(200)

	s.Unchanged(func() {
		adopt(s, s.Bob, webtest.Object{"value": foreignKey(3)}).Refuses(404, "not_found", "") // no copy
		adopt(s, "999", webtest.Object{"value": foreignKey(3)}).Refuses(404, "not_found", "")
	})
	s.Assign(s.Bob, webtest.Research)
	looks, user := s.APIKey("VirtualKeys:View", "VirtualKeys:Update"), s.Login(webtest.Ada)
	s.Unchanged(func() {
		for what, value := range map[string]any{"of another user": taken, "made here": own["value"], "retired": retired["value"]} {
			for _, prefix := range []string{"/api", "/api/governance"} {
				got := s.Admin.API("POST", prefix+"/users/"+s.Bob+"/virtual-keys/adopt", webtest.Object{"value": value}).
					Refuses(409, "key_taken", "value")
				if said := string(got.Body); strings.Contains(said, s.Ada) || strings.Contains(said, "ada") || webtest.Leaks(map[string]string{what: said}, value.(string)) != "" {
					t.Errorf("%s: %s", what, said)
				}
			}
		}
		for what, bad := range map[string]struct {
			body any
			code string
		}{
			"nothing":       {`{}`, "required"},
			"null":          {`{"value":null}`, "wrong_type"},
			"a number":      {`{"value":7}`, "wrong_type"},
			"empty":         {`{"value":""}`, "weak_value"},
			"short":         {webtest.Object{"value": "sk-bf-0d4b7c1e93fa4f0e8a52b1c9"}, "weak_value"},
			"no prefix":     {webtest.Object{"value": strings.TrimPrefix(foreignKey(4), "sk-bf-")}, "weak_value"},
			"of OpenAI":     {webtest.Object{"value": "sk-proj-0d4b7c1e-93fa-4f0e-8a52-b1c97310000001"}, "weak_value"},
			"one character": {webtest.Object{"value": "sk-bf-" + strings.Repeat("a1", 40)}, "weak_value"},
			"words":         {webtest.Object{"value": "sk-bf-the-virtual-key-of-the-engineering-team"}, "weak_value"},
			"a blank":       {webtest.Object{"value": foreignKey(4) + " "}, "weak_value"},
			"a line":        {webtest.Object{"value": foreignKey(4) + "\n"}, "weak_value"},
			"not ASCII":     {webtest.Object{"value": foreignKey(4) + "é"}, "weak_value"},
			"long":          {webtest.Object{"value": foreignKey(4) + strings.Repeat("a", 250)}, "weak_value"},
			"its variable":  {webtest.Object{"value": "env.VIRTUAL_KEY"}, "weak_value"},
		} {
			got := adopt(s, s.Bob, bad.body)
			got.Refuses(400, bad.code, "value")
			if leak := webtest.Leaks(map[string]string{what: string(got.Body)}, foreignKey(4)); leak != "" {
				t.Error(leak)
			}
		}
		adopt(s, s.Bob, webtest.Object{"value": foreignKey(4), "Value": foreignKey(5)}).Refuses(400, "unknown_field", "Value")
		adopt(s, s.Bob, webtest.Object{"value": foreignKey(4), "user_id": s.Ada}).Refuses(400, "unknown_field", "user_id")
		adopt(s, s.Bob, webtest.Object{"value": foreignKey(4), "name": "Taken"}).Refuses(409, "name_taken", "name")
		adopt(s, s.Bob, nil).Refuses(400, "empty_body", "")
		// Who may not make keys may not bring any, nor may users for themselves.
		for _, v := range []webtest.Client{looks, s.Bearer(own["value"]), user} {
			v.API("POST", "/api/users/"+s.Ada+"/virtual-keys/adopt", webtest.Object{"value": foreignKey(4)}).Refuses(403, "forbidden", "")
		}
		s.Admin.API("POST", "/api/me/virtual-keys", webtest.Object{"value": foreignKey(4)}).Is(403)
	})
	if leak := webtest.Leaks(map[string]string{"the log": s.Log.String()}, taken); leak != "" {
		t.Error(leak)
	}
}

// A key whose user holds only a copy of an archived profile is adopted, and may do what their other keys may.
func TestAdoptedKeyOfAnArchivedProfile(t *testing.T) {
	g := webtest.NewGateway(t)
	g.Admin.API("PUT", fmt.Sprint("/api/access-profiles/", g.Work, "/deactivate"), nil).Is(200)
	adopt(g.Stage, g.Ada, webtest.Object{"value": foreignKey(6)}).Is(200)
	for _, model := range []string{"gpt-4o", "gpt-5"} {
		adopted, issued := g.Admin.Ask(webtest.With(webtest.Model(foreignKey(6)), "model", model)), g.Admin.Ask(webtest.With(webtest.Model(g.Key), "model", model))
		webtest.Same(t, model, []any{adopted["decision"], adopted["type"]}, []any{issued["decision"], issued["type"]})
	}
}

// One value that is sent for two users at once becomes the key of one of them.
func TestAdoptedKeyAtOnce(t *testing.T) {
	s := webtest.NewStage(t)
	s.Assign(s.Ada, webtest.Research)
	s.Assign(s.Bob, webtest.Research)
	for n := range 8 {
		var wait sync.WaitGroup
		status := make([]int, 4)
		for i := range status {
			wait.Go(func() {
				status[i] = adopt(s, []string{s.Ada, s.Bob}[i%2], webtest.Object{"value": foreignKey(100 + n)}).StatusCode
			})
		}
		wait.Wait()
		count := map[int]int{}
		for _, one := range status {
			count[one]++
		}
		if count[http.StatusOK] != 2 || count[http.StatusConflict] != 2 {
			t.Errorf("answers %v", status)
		}
	}
}
