// Rows: the whole table, put together.

package lists

import (
	"slices"
	"sync"
)

// rows returns the table. It is made once, for a process that only starts asks for it as well, and
// nobody changes it.
var rows = sync.OnceValue(func() []row {
	return slices.Concat(metadataRows(), projectRows(), peopleRows(), agileRows(), sharedRows(), adminRows())
})

// find returns the row of a name, or nil.
func find(name string) *row {
	all := rows()
	i := slices.IndexFunc(all, func(r row) bool { return r.name == name })
	if i < 0 {
		return nil
	}
	return &all[i]
}
