// People: the invented users and bots of the synthetic projects.

package prose

import "fmt"

// A Person is a user of the invented Jira.
type Person struct {
	Name, Key, Display, Zone string
	Account                  string // of Cloud
	Bot, Gone                bool
}

// People returns the invented users; bots come last. Nobody here exists.
func People() []Person {
	people := []Person{
		{Name: "mlindqvist", Display: "Maja Lindqvist", Zone: "Europe/Stockholm"},
		{Name: "t_okafor", Display: "Tobe Okafor", Zone: "Africa/Lagos"},
		{Name: "renske", Display: "Renske van Aalst", Zone: "Europe/Amsterdam"},
		{Name: "j.zelenka", Display: "Jiří Zelenka", Zone: "Europe/Prague"},
		{Name: "hsato", Display: "佐藤 遥", Zone: "Asia/Tokyo"},
		{Name: "pquirke", Display: "Padraig Quirke", Zone: "Europe/Dublin"},
		{Name: "ines.duarte", Display: "Inês Duarte", Zone: "America/Sao_Paulo"},
		{Name: "kbaptiste", Display: "Kerline Baptiste", Zone: "America/New_York"},
		{Name: "vshulga", Display: "Vira Shulga", Zone: "Europe/Kyiv"},
		{Name: "arjun_m", Display: "Arjun Mahadevan", Zone: "Asia/Kolkata"},
		{Name: "lwn", Display: "Lowri Wyn", Zone: "Europe/London"},
		{Name: "fbrandt", Key: "felix.brandt", Display: "Felix Brandt", Zone: "Europe/Berlin"},
		{Name: "oyelaran", Key: "JIRAUSER290417", Display: "Dami Oyelaran", Zone: "Etc/UTC"},
		{Name: "cmarkham", Key: "JIRAUSER301122", Display: "Cass Markham", Zone: "America/Denver", Gone: true},
		{Name: "githubbot", Display: "ASF GitHub Bot", Zone: "Etc/UTC", Bot: true},
		{Name: "hudson", Display: "Hudson", Zone: "Etc/UTC", Bot: true},
	}
	for i := range people {
		p := &people[i]
		if p.Key == "" {
			p.Key = p.Name
		}
		p.Account = fmt.Sprintf("712020:%08x-5d1c-4f0e-9a77-%012x", 0x51ab0000+i*7919, 0x2f00d0000+i*104729)
	}
	return people
}

// find returns the person who has a name.
func find(people []Person, name string) (Person, bool) {
	for _, p := range people {
		if name == p.Name || name == p.Key || name == p.Account || name == p.Display {
			return p, true
		}
	}
	return Person{}, false
}
