// A service that passes on the context of its requests. usage: service PORT OUTBOUND_PORT
package main

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"time"
)

var context = []string{"X-Vivo-Context", "Traceparent"} // all that there is to it; traceparent alone would do

func serve(writer http.ResponseWriter, request *http.Request) {
	status, body := http.StatusOK, []byte{}
	if request.URL.Path == "/slow" {
		time.Sleep(2 * time.Second)
	} else if request.URL.Path != "/" { // the rest of the way
		onward, _ := http.NewRequestWithContext(request.Context(), "GET", "http://127.0.0.1:"+os.Args[2]+request.URL.Path, nil)
		for _, name := range context {
			if value := request.Header.Get(name); value != "" {
				onward.Header.Set(name, value)
			}
		}
		answer, err := http.DefaultClient.Do(onward)
		if err != nil {
			http.Error(writer, err.Error(), http.StatusBadGateway)
			return
		}
		defer answer.Body.Close()
		body, _ = io.ReadAll(answer.Body)
		status = answer.StatusCode
	}
	say := func(name string) string {
		if value := request.Header.Get(name); value != "" {
			return value
		}
		return "-"
	}
	trace := fmt.Sprintf("%-35s", say("traceparent"))[3:35]
	writer.WriteHeader(status)
	fmt.Fprintf(writer, "go: trace %s, %s ms left, baggage %s\n%s", trace, say("x-timeout-ms"), say("baggage"), body)
}

func main() {
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Args[1], http.HandlerFunc(serve)))
}
