// A change of product: a site that moves from Data Center to Cloud between two
// runs, as public ones have done.

package jiratest

import "net/http"

// Become makes the server play another flavour from now on. Issues, projects,
// boards and people stay, with their ids; what only administrators see is set up
// anew. It must not be called while requests are under way.
func (s *Server) Become(f Flavour) {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	s.options.Flavour = f
	for _, u := range s.people {
		old := u.raw
		u.raw = u.render(f)
		s.everywhere(old, u.raw)
	}
	kept := shelves{}
	for _, name := range []string{"project_versions", "project_components", "audit_records"} {
		kept[name] = s.store.shelves[name]
	}
	s.stock()
	for name, list := range kept {
		s.store.shelves[name] = list
	}
	s.mux = http.NewServeMux()
	s.register()
}
