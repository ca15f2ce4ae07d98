// People: the invented users and bots of the synthetic projects.

package jiratest

import (
	"encoding/json"
	"fmt"

	"github.com/scrapekit/scrapekit/plugins/sources/jira/internal/prose"
)

type user struct {
	name, key, display, zone string
	account                  string // Cloud account id
	bot, gone, former        bool
	order                    int
	raw                      json.RawMessage
}

// newPeople returns the invented users; bots come last.
func newPeople(f Flavour) []*user {
	var people []*user
	for i, p := range prose.People() {
		u := &user{name: p.Name, key: p.Key, display: p.Display, zone: p.Zone, account: p.Account, bot: p.Bot,
			gone: p.Gone, order: i}
		u.raw = u.render(f)
		people = append(people, u)
	}
	return people
}

func (p *user) render(f Flavour) json.RawMessage {
	avatars := ""
	for i, size := range []string{"48x48", "24x24", "16x16", "32x32"} {
		if i > 0 {
			avatars += ","
		}
		avatars += fmt.Sprintf(`"%s":"%s/secure/useravatar?size=%s&avatarId=10452"`, size, site, size)
	}
	if f == Cloud {
		kind := "atlassian"
		if p.bot {
			kind = "app"
		}
		if p.former {
			kind = "unknown"
		}
		return fmt.Appendf(nil, `{"self":"%s/user?accountId=%s","accountId":"%s","avatarUrls":{%s},"displayName":%s,"active":%t,"timeZone":"%s","accountType":"%s"}`,
			apiRoot, p.account, p.account, avatars, quote(p.display), !p.gone, p.zone, kind)
	}
	return fmt.Appendf(nil, `{"self":"%s/user?username=%s","name":"%s","key":"%s","avatarUrls":{%s},"displayName":%s,"active":%t,"timeZone":"%s"}`,
		apiRoot, p.name, p.name, p.key, avatars, quote(p.display), !p.gone, p.zone)
}

// findUser looks a user up by name, key, account id or display name.
func findUser(people []*user, name string) (*user, bool) {
	for _, p := range people {
		if name == p.name || name == p.key || name == p.account || name == p.display {
			return p, true
		}
	}
	return nil, false
}
