// Messages from a client codec to a server codec and back.

#include <gtest/gtest.h>

#include "test/unit/codec/http2/codec_peers.h"

namespace pillion::codec::http2 {
namespace {

using http::HeaderId;

TEST(RoundTrip, GetAndEmptyAnswer) {
  Pair pair;
  auto call = pair.client.NewCall("GET", "/a?b=c");
  call.head->headers.Add("x-custom", "one");
  call.head->headers.Add("accept", "*/*");
  call.response->stream->SendHead(*call.head, true);
  EXPECT_TRUE(pair.client.link.wanted());
  pair.Run();
  ASSERT_EQ(pair.server.requests.size(), 1u);
  RecordedRequest& request = *pair.server.requests[0];
  EXPECT_EQ(request.Text(), "head GET http h.test /a?b=c x-custom=one accept=*/* end\n");
  EXPECT_EQ(request.head->version, http::Version::kHttp2);
  EXPECT_EQ(request.head->method_id, http::Method::kGet);
  EXPECT_EQ(pair.server.connection.active_streams(), 1u);

  http::ResponseHead& answer = request.NewResponse(204);
  answer.headers.Add("server", "pillion");
  request.stream->SendHead(answer, true);
  pair.Run();
  EXPECT_EQ(call.response->Text(), "head 204 server=pillion end\n");
  EXPECT_EQ(pair.server.connection.active_streams(), 0u);
  EXPECT_EQ(pair.client.connection.active_streams(), 0u);
  EXPECT_EQ(pair.client.streams_ended, 1);
}

TEST(RoundTrip, BodiesAndTrailersBothWays) {
  Pair pair;
  auto call = pair.client.NewCall("POST", "/svc/method");
  call.head->headers.Add("te", "trailers");
  call.head->headers.Add("content-type", "application/grpc");
  call.response->stream->SendHead(*call.head, false);
  EXPECT_TRUE(call.response->stream->SendData(MakeSlice(pair.pool, "ping"), false));
  {
    base::Arena other(pair.pool);
    http::HeaderMap trailers(other);
    trailers.Add(other.Copy("x-sum"), other.Copy("42"));
    call.response->stream->SendTrailers(trailers);
  }
  pair.Run();
  ASSERT_EQ(pair.server.requests.size(), 1u);
  RecordedRequest& request = *pair.server.requests[0];
  EXPECT_EQ(request.Text(),
            "head POST http h.test /svc/method te=trailers content-type=application/grpc\n"
            "data 4\ntrailers x-sum=42\n");

  request.stream->SendHead(request.NewResponse(200), false);
  EXPECT_TRUE(request.stream->SendData(MakeSlice(pair.pool, "pong"), false));
  http::HeaderMap trailers(request.arena());
  trailers.Add("grpc-status", "0");
  request.stream->SendTrailers(trailers);
  pair.Run();
  EXPECT_EQ(call.response->Text(), "head 200\ndata 4\ntrailers grpc-status=0\n");
  EXPECT_EQ(call.response->body, "pong");
  EXPECT_EQ(pair.client.connection.active_streams(), 0u);
}

TEST(RoundTrip, TrailersWithoutData) {
  Pair pair;
  auto call = pair.client.NewCall("POST", "/");
  call.response->stream->SendHead(*call.head, false);
  http::HeaderMap trailers(call.response->arena());
  trailers.Add("x-a", "1");
  call.response->stream->SendTrailers(trailers);
  pair.Run();
  RecordedRequest& request = *pair.server.requests[0];
  EXPECT_EQ(request.Text(), "head POST http h.test /\ntrailers x-a=1\n");
  request.stream->SendHead(request.NewResponse(200), false);
  pair.Run();
  http::HeaderMap answer(request.arena());
  answer.Add("grpc-status", "0");
  request.stream->SendTrailers(answer);
  pair.Run();
  EXPECT_EQ(call.response->Text(), "head 200\ntrailers grpc-status=0\n");
  EXPECT_EQ(pair.server.connection.active_streams(), 0u);
  EXPECT_EQ(pair.client.connection.active_streams(), 0u);
}

TEST(RoundTrip, SmallAnswerComesInOnePieceWithItsEnd) {
  Pair pair;
  auto call = pair.client.NewCall("GET", "/");
  call.response->stream->SendHead(*call.head, true);
  pair.Run();
  RecordedRequest& request = *pair.server.requests[0];
  http::ResponseHead& answer = request.NewResponse(200);
  answer.headers.Add("content-length", "5");
  answer.content_length = 5;
  request.stream->SendHead(answer, false);
  EXPECT_TRUE(request.stream->SendData(MakeSlice(pair.pool, "hello"), true));
  Move(pair.pool, pair.server, pair.client);
  EXPECT_EQ(call.response->Text(), "head 200 content-length=5\ndata 5 end\n");
  EXPECT_EQ(call.response->head->content_length, 5);
}

TEST(RoundTrip, InformationalHeads) {
  Pair pair;
  auto call = pair.client.NewCall("POST", "/");
  call.head->expect_continue = true;
  call.response->stream->SendHead(*call.head, false);
  pair.Run();
  RecordedRequest& request = *pair.server.requests[0];
  EXPECT_TRUE(request.head->expect_continue);
  EXPECT_FALSE(request.head->headers.Has(HeaderId::kExpect));
  request.stream->SendInformational(request.NewResponse(100));
  http::ResponseHead& hints = request.NewResponse(103);
  hints.headers.Add("link", "</a>");
  request.stream->SendInformational(hints);
  pair.Run();
  EXPECT_TRUE(call.response->stream->SendData(MakeSlice(pair.pool, "x"), true));
  pair.Run();
  request.stream->SendHead(request.NewResponse(200), true);
  pair.Run();
  EXPECT_EQ(call.response->Text(), "informational 100\ninformational 103 link=</a>\nhead 200 end\n");
  EXPECT_EQ(request.Text(), "head POST http h.test /\ndata 1 end\n");
}

TEST(RoundTrip, CookiesAreJoinedAndSecretsStaySecret) {
  Pair pair;
  auto call = pair.client.NewCall("GET", "/");
  call.head->headers.Add("cookie", "a=1");
  call.head->headers.Add(HeaderId::kAuthorization, "authorization", "secret", true);
  call.head->headers.Add("cookie", "b=2");
  call.response->stream->SendHead(*call.head, true);
  pair.Run();
  EXPECT_EQ(pair.server.requests[0]->Text(),
            "head GET http h.test / cookie=a=1; b=2! authorization=secret! end\n");
}

TEST(RoundTrip, LargeBodiesInEveryPieceSize) {
  for (const size_t piece : {1u, 9u, 1000u, 65536u}) {
    for (const size_t budget : {1000u, 70'000u, 1u << 30}) {
      if (piece < 1000 && budget > 1000) continue;
      Pair pair;
      std::string body;
      for (int i = 0; body.size() < 300'000; ++i) body += std::to_string(i) + ",";
      auto call = pair.client.NewCall("POST", "/");
      call.response->stream->SendHead(*call.head, false);
      for (size_t at = 0; at < body.size(); at += 50'000) {
        std::string_view part = std::string_view(body).substr(at, 50'000);
        while (!part.empty()) {
          base::Block* block = pair.pool.Take(base::BlockSize::kRead);
          const size_t size = std::min(part.size(), block->capacity());
          part.copy(block->data(), size);
          part.remove_prefix(size);
          (void)call.response->stream->SendData(base::Slice(block, block->data(), size), false);
        }
      }
      (void)call.response->stream->SendData(base::Slice(), true);
      pair.Run(budget, piece);
      ASSERT_EQ(pair.server.requests.size(), 1u);
      RecordedRequest& request = *pair.server.requests[0];
      EXPECT_TRUE(request.ended);
      EXPECT_EQ(request.body, body);
      request.stream->SendHead(request.NewResponse(200), true);
      pair.Run(budget, piece);
      EXPECT_TRUE(call.response->ended);
      EXPECT_EQ(pair.client.connection.active_streams(), 0u);
    }
  }
}

TEST(RoundTrip, ManyStreamsAtOnce) {
  Pair pair;
  std::vector<ClientPeer::Call> calls;
  for (int i = 0; i < 100; ++i) {
    calls.push_back(pair.client.NewCall("GET", "/"));
    calls.back().response->stream->SendHead(*calls.back().head, true);
  }
  pair.Run();
  ASSERT_EQ(pair.server.requests.size(), 100u);
  for (auto& request : pair.server.requests) {
    request->stream->SendHead(request->NewResponse(200), false);
    EXPECT_TRUE(request->stream->SendData(MakeSlice(pair.pool, "hello"), true));
  }
  pair.Run();
  for (auto& call : calls) EXPECT_EQ(call.response->Text(), "head 200\ndata 5 end\n");
  EXPECT_EQ(pair.client.connection.active_streams(), 0u);
  EXPECT_EQ(pair.client.streams_ended, 100);
}

TEST(RoundTrip, Connect) {
  Pair pair;
  auto call = pair.client.NewCall("CONNECT", "");
  call.head->authority = "h.test:443";
  call.response->stream->SendHead(*call.head, false);
  pair.Run();
  RecordedRequest& request = *pair.server.requests[0];
  EXPECT_EQ(request.Text(), "head CONNECT  h.test:443 \n");
  request.stream->SendHead(request.NewResponse(200), false);
  EXPECT_TRUE(request.stream->SendData(MakeSlice(pair.pool, "down"), false));
  EXPECT_TRUE(call.response->stream->SendData(MakeSlice(pair.pool, "up"), true));
  pair.Run();
  EXPECT_EQ(request.body, "up");
  EXPECT_EQ(call.response->Text(), "head 200\ndata 4\n");
}

}  // namespace
}  // namespace pillion::codec::http2
