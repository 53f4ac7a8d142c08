// Input: one byte of options, one for the size of pieces, then what a client sends.

#include <algorithm>
#include <cstdint>

#include "test/fuzz/http1_model.h"

namespace pillion::codec::http1 {
namespace {

// Writes the request as the proxy does when it forwards it, and reads that again.
void CheckForwarded(const GatheredRequest& request, bool secure) {
  GatheringClient forward({}, "GET", "");
  base::BlockPool pool;
  GatheredResponse response(pool);
  ClientOptions client_options;
  client_options.limits.enable_trailers = true;
  FakeLink link(pool);
  ClientConnection client(link, forward, pool, client_options);
  ClientStream& stream = client.NewStream(response);
  const Message& message = request.message;
  stream.SendHead(*request.head, message.body.empty() && message.trailers.empty());
  if (!message.trailers.empty()) {
    if (!message.body.empty()) (void)stream.SendData(base::Slice::Copy(pool, message.body), false);
    http::HeaderMap trailers(response.arena());
    for (const auto& [name, value] : message.trailers) trailers.Add(name, value);
    stream.SendTrailers(trailers);
  } else if (!message.body.empty()) {
    (void)stream.SendData(base::Slice::Copy(pool, message.body), true);
  }
  ServerOptions options;
  options.secure = secure;
  options.limits.enable_trailers = true;
  options.limits.max_headers = 200;
  options.limits.max_head_bytes = 128 * 1024;
  GatheringServer again(options, false);
  again.Feed(link.Take(), 0);
  PILLION_CHECK(again.requests.size() == 1);
  const GatheredRequest& read = *again.requests[0];
  if (request.switches) {
    PILLION_CHECK(read.switches && read.message.start == message.start && read.message.fields == message.fields);
  } else {
    PILLION_CHECK(read.message == message);
  }
}

void Fuzz(const uint8_t* data, size_t size) {
  if (size < 2 || size > 60000) return;
  ServerOptions options;
  options.secure = (data[0] & 1) != 0;
  options.accept_http_10 = (data[0] & 2) != 0;
  if ((data[0] & 4) != 0) options.default_host = "default.test";
  options.limits.enable_trailers = (data[0] & 8) != 0;
  const bool accept_switch = (data[0] & 16) != 0;
  options.limits.headers_with_underscores = static_cast<UnderscoreAction>((data[0] >> 5) % 3);
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 2, size - 2);

  GatheringServer whole(options, accept_switch);
  whole.Feed(bytes, 0);
  GatheringServer pieces(options, accept_switch);
  pieces.Feed(bytes, std::max<size_t>(data[1], 1));
  PILLION_CHECK(whole.requests.size() == pieces.requests.size());
  PILLION_CHECK(whole.codec.ending() == pieces.codec.ending());
  for (size_t i = 0; i < whole.requests.size(); ++i) {
    PILLION_CHECK(whole.requests[i]->message == pieces.requests[i]->message);
  }
  for (const auto& request : whole.requests) {
    if (!request->message.failed && (request->message.ended || request->switches)) {
      CheckForwarded(*request, options.secure);
    }
  }
  pieces.codec.ReceiveEnd();
  whole.codec.Abort("gone");
  PILLION_CHECK(whole.codec.active_streams() == 0);
}

}  // namespace
}  // namespace pillion::codec::http1

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  pillion::codec::http1::Fuzz(data, size);
  return 0;
}
