// A proxy of two codecs and nothing else, to see what they cost: once warm, a request and its response allocate
// nothing. The program also runs under callgrind: --gtest_repeat does not matter, PILLION_REQUESTS says how many.

#include <gtest/gtest.h>

#include <cstdlib>

#include "test/support/counted_memory.h"
#include "test/unit/codec/http1/recorder.h"

namespace pillion::codec::http1 {
namespace {

// Forwards one request after the other, whole messages at a time.
class Forwarder final : public ServerEvents,
                        public ClientEvents,
                        private RequestReceiver,
                        private ResponseReceiver {
 public:
  Forwarder()
      : request_arena_(pool_),
        response_arena_(pool_),
        downstream_(pool_),
        upstream_(pool_),
        server_(downstream_, *this, pool_, server_options_),
        client_(upstream_, *this, pool_, client_options_) {}

  void Exchange(const base::Slice& request, const base::Slice& response) {
    EXPECT_EQ(server_.Receive(request), request.size());
    client_.Produce(SIZE_MAX);
    bytes_up_ = upstream_.output().size();
    upstream_.output().Clear();
    EXPECT_EQ(client_.Receive(response), response.size());
    bytes_down_ = downstream_.output().size();
    downstream_.output().Clear();
    request_arena_.Clear();
    response_arena_.Clear();
  }

  base::BlockPool& pool() { return pool_; }
  size_t bytes_up() const { return bytes_up_; }
  size_t bytes_down() const { return bytes_down_; }

 private:
  RequestReceiver* OnRequestBegin(ServerStream& stream) override {
    server_stream_ = &stream;
    return this;
  }
  void OnFlood(Flood, bool) override { FAIL(); }
  void OnConnectionError(std::string_view detail) override { FAIL() << detail; }
  void OnStreamEnd() override {}
  void OnCapacityChanged() override { FAIL(); }

  base::Arena& arena() override { return in_response_ ? response_arena_ : request_arena_; }
  void OnRequestHead(http::RequestHead& head, bool end) override {
    head.headers.Add(http::HeaderId::kXForwardedProto, "http");
    head.headers.Add(http::HeaderId::kXRequestId, "0d5c8e2e-7f4b-4f0c-9d1b-0f2e4c6a8b1d");
    in_response_ = true;
    client_stream_ = &client_.NewStream(*this);
    client_stream_->SendHead(head, end);
    sending_request_ = !end;
  }
  void OnResponseHead(http::ResponseHead& head, bool end) override {
    sending_request_ = false;
    head.headers.Set(http::HeaderId::kServer, "pillion");
    server_stream_->SendHead(head, end);
    in_response_ = !end;
  }
  void OnInformational(http::ResponseHead&) override { FAIL(); }
  void OnData(base::Slice data, bool end) override {
    if (sending_request_) {
      EXPECT_TRUE(client_stream_->SendData(std::move(data), end));
    } else {
      EXPECT_TRUE(server_stream_->SendData(std::move(data), end));
      in_response_ = !end;
    }
  }
  void OnTrailers(http::HeaderMap&) override { FAIL(); }
  void OnReset(ResetReason, std::string_view detail) override { FAIL() << detail; }
  void OnSendReady() override { FAIL(); }
  void OnRequestError(const RequestError& error) override { FAIL() << error.detail; }

  ServerOptions server_options_;
  ClientOptions client_options_;
  base::BlockPool pool_;
  base::Arena request_arena_;
  base::Arena response_arena_;
  FakeLink downstream_;
  FakeLink upstream_;
  ServerConnection server_;
  ClientConnection client_;
  ServerStream* server_stream_ = nullptr;
  ClientStream* client_stream_ = nullptr;
  size_t bytes_up_ = 0;
  size_t bytes_down_ = 0;
  bool in_response_ = false;
  bool sending_request_ = false;
};

size_t Requests() {
  const char* text = std::getenv("PILLION_REQUESTS");
  return text == nullptr ? 1000 : static_cast<size_t>(std::atol(text));
}

void ExpectNoAllocations(std::string_view request_text, std::string_view response_text) {
  Forwarder forwarder;
  const base::Slice request = SliceOf(forwarder.pool(), request_text);
  const base::Slice response = SliceOf(forwarder.pool(), response_text);
  for (int i = 0; i < 3; ++i) forwarder.Exchange(request, response);
  const size_t before = test::Allocations();
  const size_t count = Requests();
  for (size_t i = 0; i < count; ++i) forwarder.Exchange(request, response);
  EXPECT_EQ(test::Allocations() - before, 0u) << "in " << count << " requests";
  EXPECT_GT(forwarder.bytes_up(), request_text.size());
  EXPECT_GT(forwarder.bytes_down(), 20u);
}

TEST(SteadyState, GetAllocatesNothing) {
  ExpectNoAllocations(
      "GET /index.html?a=1 HTTP/1.1\r\nHost: 127.0.0.1:18080\r\nUser-Agent: curl/7.88.1\r\nAccept: */*\r\n\r\n",
      "HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Sat, 21 Nov 2026 04:00:00 GMT\r\nContent-Type: "
      "text/plain\r\n"
      "Content-Length: 10\r\nConnection: keep-alive\r\n\r\n0123456789");
}

TEST(SteadyState, ChunkedPostAllocatesNothing) {
  ExpectNoAllocations(
      "POST /index.html?a=1 HTTP/1.1\r\nHost: 127.0.0.1:18080\r\nUser-Agent: curl/7.88.1\r\nAccept: */*\r\n"
      "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n",
      "HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Sat, 21 Nov 2026 04:00:00 GMT\r\nContent-Type: "
      "text/plain\r\n"
      "Transfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
}

// As a browser sends it: many fields, long cookies.
TEST(SteadyState, ManyFieldsAllocateNothing) {
  ExpectNoAllocations(
      "GET /index.html?a=1 HTTP/1.1\r\nHost: shop.example.com\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) "
      "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36\r\nAccept: text/html,application/"
      "xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\nAccept-Encoding: gzip, deflate, br\r\n"
      "Accept-Language: en-GB,en;q=0.9\r\nCookie: session=0123456789abcdef0123456789abcdef0123456789abcdef; "
      "theme=dark"
      "; consent=yes; ab=17\r\nReferer: https://shop.example.com/start\r\nSec-Fetch-Dest: document\r\n"
      "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Site: same-origin\r\nX-Custom-One: one\r\nX-Custom-Two: two\r\n\r\n",
      "HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Sat, 21 Nov 2026 04:00:00 GMT\r\nContent-Type: "
      "text/plain\r\n"
      "Content-Length: 10\r\nConnection: keep-alive\r\nVary: accept-encoding\r\nCache-Control: private, "
      "max-age=0\r\n"
      "Set-Cookie: session=0123456789abcdef0123456789abcdef; Path=/; HttpOnly\r\nEtag: "
      "\"5f2-17\"\r\n\r\n0123456789");
}

}  // namespace
}  // namespace pillion::codec::http1
