// A socket server around the codec alone, for h2spec: h2spec_server [PORT]. Prints its port.

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <thread>

#include "test/unit/codec/http2/codec_peers.h"

namespace pillion::codec::http2 {
namespace {

void Answer(base::BlockPool& pool, RecordedRequest& request, int status) {
  http::ResponseHead& head = request.NewResponse(status);
  request.stream->SendHead(head, false);
  (void)request.stream->SendData(MakeSlice(pool, "hello from the codec\n"), true);
}

void Serve(int fd) {
  const Options options;
  base::BlockPool pool;
  MemoryPool memory;
  ServerPeer server(pool, memory, options);
  server.on_request = [&pool](RecordedRequest& request) {
    request.on_event = [&pool, &request] {
      if (request.head == nullptr) return Answer(pool, request, 400);
      if (request.ended) Answer(pool, request, 200);
    };
  };
  for (;;) {
    server.connection.Produce(kNoBudget);
    while (!server.link.output().empty()) {
      const std::string_view front = server.link.output().front();
      const ssize_t sent = send(fd, front.data(), front.size(), MSG_NOSIGNAL);
      if (sent <= 0) break;
      server.link.output().Drain(static_cast<size_t>(sent));
    }
    if (server.connection.ending() != Ending::kOpen) shutdown(fd, SHUT_WR);
    base::Block* block = pool.Take(base::BlockSize::kRead);
    const ssize_t size = recv(fd, block->data(), block->capacity(), 0);
    const base::Slice bytes(block, block->data(), size > 0 ? static_cast<size_t>(size) : 0);
    if (size <= 0) break;
    (void)server.connection.Receive(bytes);
  }
  server.connection.Abort("closed");
  close(fd);
}

}  // namespace
}  // namespace pillion::codec::http2

int main(int argc, char** argv) {
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>(argc > 1 ? std::atoi(argv[1]) : 0));
  socklen_t size = sizeof address;
  if (bind(listener, reinterpret_cast<sockaddr*>(&address), size) != 0 || listen(listener, 100) != 0) return 1;
  getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
  std::printf("%d\n", ntohs(address.sin_port));
  std::fflush(stdout);
  for (;;) {
    const int fd = accept(listener, nullptr, nullptr);
    if (fd < 0) return 1;
    std::thread(pillion::codec::http2::Serve, fd).detach();
  }
}
