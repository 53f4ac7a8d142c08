package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// command is one line of standard input.
type command struct {
	ID int    `json:"id"` // given back with what came of it
	Do string `json:"do"`

	Node     string              `json:"node"`     // push, respond: of this node's id alone; else of all that have no own
	Set      []*resource         `json:"set"`      // push
	Remove   map[string][]string `json:"remove"`   // push: names by type URL
	Replace  bool                `json:"replace"`  // push: what is not in `set` goes
	Versions map[string]string   `json:"versions"` // push: by type URL, instead of a count

	Type      string      `json:"type"`      // respond: a type URL
	Resources []*resource `json:"resources"` // respond
	Removed   []string    `json:"removed"`   // respond, delta only
	Version   *string     `json:"version"`   // respond: that of the response; the snapshot's by default

	Code    uint32 `json:"code"`    // cut, refuse: a status of gRPC
	Message string `json:"message"` // cut, refuse
	Count   int    `json:"count"`   // refuse: how many streams; negative for all that come
}

type commands struct {
	lines *bufio.Reader
}

func newCommands(from io.Reader) *commands {
	return &commands{bufio.NewReaderSize(from, 1<<20)}
}

// until does one command after another, up to and with the first called `last`, or to the end of the input.
func (c *commands) until(p *plane, last string) error {
	for {
		line, err := c.lines.ReadBytes('\n')
		if len(bytes.TrimSpace(line)) > 0 {
			var given command
			decoder := json.NewDecoder(bytes.NewReader(line))
			decoder.DisallowUnknownFields()
			if err := decoder.Decode(&given); err != nil {
				return fmt.Errorf("a command: %w", err)
			}
			answer := map[string]any{"event": "done", "id": given.ID}
			if err := given.run(p, answer); err != nil {
				answer["error"] = err.Error()
			}
			p.events.say(answer)
			if last != "" && given.Do == last {
				return nil
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// run adds to the answer what it has to say besides.
func (c *command) run(p *plane, answer map[string]any) error {
	switch c.Do {
	case "listen":
		return nil // the first one opens the port; see run()
	case "push":
		set, err := p.push(c)
		answer["set"] = seconds(set)
		return err
	case "respond":
		return p.watches.respond(c)
	case "cut":
		p.streams.cut(c.Code, c.Message)
		return nil
	case "refuse":
		p.streams.refuse(c.Code, c.Message, c.Count)
		return nil
	}
	return fmt.Errorf("%q: expected listen, push, respond, cut or refuse", c.Do)
}
