// Programs: the platform of an executable file, from its header.

package artifact

import (
	"bytes"
	"debug/elf"
	"debug/macho"
	"debug/pe"
	"fmt"
	"io"
	"slices"
)

// Built returns the platforms for which a program may be built, from its header: one for ELF,
// Mach-O and PE, several if the header fits several systems, nil without such a header, as for a
// script.
func Built(program io.ReaderAt) []Platform {
	magic := make([]byte, 4)
	if _, err := program.ReadAt(magic, 0); err != nil {
		return nil
	}
	switch {
	case string(magic) == elf.ELFMAG:
		return builtELF(program)
	case string(magic[:2]) == "MZ":
		return builtPE(program)
	case bytes.Equal(magic, []byte{0xcf, 0xfa, 0xed, 0xfe}) || bytes.Equal(magic, []byte{0xca, 0xfe, 0xba, 0xbe}):
		return builtMachO(program)
	}
	return nil
}

// CheckBuilt returns an error if the header names another platform.
func CheckBuilt(program io.ReaderAt, p Platform) error {
	if built := Built(program); built != nil && !slices.Contains(built, p) {
		return fmt.Errorf("the program is built for %s, not for %s", built[0], p)
	}
	return nil
}

// osOfELF lists the systems that an ELF header does not distinguish, because Go leaves OSABI 0 on
// most.
var osOfELF = map[elf.OSABI][]string{
	elf.ELFOSABI_NONE:    {"linux", "android", "openbsd", "illumos", "solaris", "netbsd", "freebsd", "dragonfly"},
	elf.ELFOSABI_LINUX:   {"linux", "android"},
	elf.ELFOSABI_FREEBSD: {"freebsd"}, elf.ELFOSABI_NETBSD: {"netbsd"}, elf.ELFOSABI_OPENBSD: {"openbsd"},
	elf.ELFOSABI_SOLARIS: {"solaris", "illumos"},
}

var archOfELF = map[elf.Machine][]string{
	elf.EM_X86_64: {"amd64"}, elf.EM_AARCH64: {"arm64"}, elf.EM_386: {"386"}, elf.EM_ARM: {"arm"},
	elf.EM_RISCV: {"riscv64"},
	elf.EM_S390:  {"s390x"}, elf.EM_LOONGARCH: {"loong64"},
}

// archesOfELF returns the architecture of a file with Go's name.
func archesOfELF(f *elf.File) []string {
	little := f.Data == elf.ELFDATA2LSB
	switch {
	case f.Machine == elf.EM_PPC64 && little:
		return []string{"ppc64le"}
	case f.Machine == elf.EM_PPC64:
		return []string{"ppc64"}
	case f.Machine == elf.EM_MIPS:
		name := "mips"
		if f.Class == elf.ELFCLASS64 {
			name = "mips64"
		}
		if little {
			name += "le"
		}
		return []string{name}
	}
	return archOfELF[f.Machine]
}

func builtELF(program io.ReaderAt) []Platform {
	f, err := elf.NewFile(program)
	if err != nil {
		return nil
	}
	return platforms(osOfELF[f.OSABI], archesOfELF(f), f.Machine.String())
}

var archOfPE = map[uint16][]string{
	pe.IMAGE_FILE_MACHINE_AMD64: {"amd64"}, pe.IMAGE_FILE_MACHINE_ARM64: {"arm64"}, pe.IMAGE_FILE_MACHINE_I386: {"386"},
}

func builtPE(program io.ReaderAt) []Platform {
	f, err := pe.NewFile(program)
	if err != nil {
		return nil
	}
	return platforms([]string{"windows"}, archOfPE[f.Machine], fmt.Sprintf("machine%x", f.Machine))
}

var archOfMachO = map[macho.Cpu][]string{macho.CpuAmd64: {"amd64"}, macho.CpuArm64: {"arm64"}}

func builtMachO(program io.ReaderAt) []Platform {
	if fat, err := macho.NewFatFile(program); err == nil {
		var out []Platform
		for _, a := range fat.Arches {
			out = append(out, platforms([]string{"darwin"}, archOfMachO[a.Cpu], a.Cpu.String())...)
		}
		return out
	}
	f, err := macho.NewFile(program)
	if err != nil {
		return nil
	}
	return platforms([]string{"darwin"}, archOfMachO[f.Cpu], f.Cpu.String())
}

// platforms combines them. An unknown one becomes a name that matches nothing.
func platforms(systems, arches []string, unknown string) []Platform {
	if arches == nil {
		arches = []string{unknown}
	}
	if systems == nil {
		systems = []string{"unknown"}
	}
	var out []Platform
	for _, system := range systems {
		for _, arch := range arches {
			out = append(out, Platform(system+"_"+arch))
		}
	}
	return out
}
