// Users: wherever in an issue they are named.

package record

import "github.com/scrapekit/scrapekit/plugins/sources/jira/internal/rest"

// Users calls each with every object within raw that is a user: it has an account id, or a display
// name and a key or name.
func Users(raw []byte, each func(id string, user []byte) error) error {
	if len(raw) == 0 {
		return nil
	}
	var err error
	inside := func(value []byte) {
		if err == nil {
			err = Users(value, each)
		}
	}
	switch raw[0] {
	case '[':
		for _, e := range rest.Elements(raw) {
			inside(e)
		}
	case '{':
		m := rest.Open(raw)
		id := UserID(m)
		if id != "" && (m.Text("accountId") != "" || m.Raw("displayName") != nil) {
			return each(id, raw)
		}
		m.Each(func(_ string, value []byte) { inside(value) })
	}
	return err
}
