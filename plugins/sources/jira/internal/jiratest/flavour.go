// A change of product: a site that moves from Data Center to Cloud between two runs, as public
// sites have done.

package jiratest

import "net/http"

// Become changes the flavour of the server. Issues, projects, boards and people stay, with their
// ids; what only administrators see is set up again. It must not be called while requests are in
// progress.
func (s *Server) Become(f Flavour) {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	s.options.Flavour = f
	for _, u := range s.people {
		old := u.raw
		u.raw = u.render(f)
		s.everywhere(old, u.raw)
	}
	kept := siteLists{}
	for _, name := range []string{"project_versions", "project_components", "audit_records"} {
		kept[name] = s.store.shelves[name]
	}
	s.fillLists()
	for name, list := range kept {
		s.store.shelves[name] = list
	}
	s.mux = http.NewServeMux()
	s.register()
}
