// What tests alone may do to a store.

package checkpoint

import "fmt"

// LimitPages makes the disk full for this store once its file has n pages.
func (s *SQLite) LimitPages(n int) error {
	_, err := s.db.Exec(fmt.Sprintf("PRAGMA max_page_count=%d", n))
	return err
}
