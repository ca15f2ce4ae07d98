// People: the invented users and bots of the synthetic projects.

package jiratest

import (
	"encoding/json"
	"fmt"
)

type user struct {
	name, key, display, zone string
	account                  string // Cloud account id
	bot, gone, former        bool
	order                    int
	raw                      json.RawMessage
}

// newPeople returns the invented users; bots come last. Nobody here exists.
func newPeople(f Flavour) []*user {
	people := []*user{
		{name: "mlindqvist", display: "Maja Lindqvist", zone: "Europe/Stockholm"},
		{name: "t_okafor", display: "Tobe Okafor", zone: "Africa/Lagos"},
		{name: "renske", display: "Renske van Aalst", zone: "Europe/Amsterdam"},
		{name: "j.zelenka", display: "Jiří Zelenka", zone: "Europe/Prague"},
		{name: "hsato", display: "佐藤 遥", zone: "Asia/Tokyo"},
		{name: "pquirke", display: "Padraig Quirke", zone: "Europe/Dublin"},
		{name: "ines.duarte", display: "Inês Duarte", zone: "America/Sao_Paulo"},
		{name: "kbaptiste", display: "Kerline Baptiste", zone: "America/New_York"},
		{name: "vshulga", display: "Vira Shulga", zone: "Europe/Kyiv"},
		{name: "arjun_m", display: "Arjun Mahadevan", zone: "Asia/Kolkata"},
		{name: "lwn", display: "Lowri Wyn", zone: "Europe/London"},
		{name: "fbrandt", key: "felix.brandt", display: "Felix Brandt", zone: "Europe/Berlin"},
		{name: "oyelaran", key: "JIRAUSER290417", display: "Dami Oyelaran", zone: "Etc/UTC"},
		{name: "cmarkham", key: "JIRAUSER301122", display: "Cass Markham", zone: "America/Denver", gone: true},
		{name: "githubbot", display: "ASF GitHub Bot", zone: "Etc/UTC", bot: true},
		{name: "hudson", display: "Hudson", zone: "Etc/UTC", bot: true},
	}
	for i := range people {
		p := people[i]
		p.order = i
		if p.key == "" {
			p.key = p.name
		}
		p.account = fmt.Sprintf("712020:%08x-5d1c-4f0e-9a77-%012x", 0x51ab0000+i*7919, 0x2f00d0000+i*104729)
		p.raw = p.render(f)
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
