package sdk_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/scrapekit/scrapekit/sdk"
)

func TestEach(t *testing.T) {
	t.Parallel()
	b := sdk.Batch{Stream: "posts", Count: 3, Payload: []byte("1\n2\n3\n")}
	var seen string
	err := b.Each(func(record []byte) error {
		seen += string(record)
		switch string(record) {
		case "1":
			return sdk.Reject{Reason: "odd"}
		case "3":
			return fmt.Errorf("wrapped: %w", sdk.Reject{Stream: "other", Record: []byte("x"), Reason: "third"})
		}
		return nil
	})
	var rejects sdk.Rejects
	if !errors.As(err, &rejects) || seen != "123" || len(rejects) != 2 {
		t.Fatalf("%v after %s", err, seen)
	}
	if one := rejects[0]; one.Stream != "posts" || string(one.Record) != "1" || one.Reason != "odd" {
		t.Errorf("%+v", one)
	}
	if one := rejects[1]; one.Stream != "other" || string(one.Record) != "x" || one.Reason != "third" {
		t.Errorf("%+v", one)
	}
	seen = ""
	broken := errors.New("the disk is full")
	err = b.Each(func(record []byte) error {
		seen += string(record)
		return broken
	})
	if !errors.Is(err, broken) || errors.As(err, &rejects) || seen != "1" {
		t.Errorf("%v after %s, want the end at once", err, seen)
	}
	if err := b.Each(func([]byte) error { return nil }); err != nil {
		t.Error(err)
	}
}
