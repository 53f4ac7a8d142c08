#include "test/integration/crowd.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace pillion::test {
namespace {

constexpr int kPatienceMs = 30'000;  // without any event

bool SendAll(int descriptor, std::string_view bytes) {
  // Requests are far smaller than a socket's buffer.
  return send(descriptor, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
}

}  // namespace

Crowd::Crowd(const net::Address& to, size_t size) : epoll_(epoll_create1(EPOLL_CLOEXEC)), members_(size) {
  for (size_t i = 0; i < size; ++i) {
    Member& member = members_[i];
    member.descriptor = socket(to.family(), SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int connected = member.descriptor < 0 ? -1 : connect(member.descriptor, to.data(), to.size());
    EXPECT_EQ(connected, 0) << "client " << i << ": " << std::strerror(errno);
    if (connected != 0) continue;
    const int one = 1;
    setsockopt(member.descriptor, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = i;
    epoll_ctl(epoll_, EPOLL_CTL_ADD, member.descriptor, &event);
  }
}

Crowd::~Crowd() {
  for (Member& member : members_) Close(member);
  close(epoll_);
}

Crowd::Result Crowd::Exchange(std::string_view request, std::string_view body, size_t times) {
  Result result;
  size_t busy = 0;
  for (Member& member : members_) {
    if (member.descriptor < 0) continue;
    member.left = times;
    if (SendAll(member.descriptor, request)) {
      ++busy;
    } else {
      ++result.cut;
    }
  }
  std::array<epoll_event, 256> events;
  while (busy > 0) {
    const int count = epoll_wait(epoll_, events.data(), events.size(), kPatienceMs);
    if (count == 0) {
      ADD_FAILURE() << busy << " clients wait in vain";
      return result;
    }
    for (int i = 0; i < count; ++i) {
      Member& member = members_[events[i].data.u64];
      if (Take(member, request, body, result) == Outcome::kDone) --busy;
    }
  }
  return result;
}

Crowd::Outcome Crowd::Take(Member& member, std::string_view request, std::string_view body, Result& result) {
  char buffer[16384];
  const ssize_t size = recv(member.descriptor, buffer, sizeof buffer, MSG_DONTWAIT);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return Outcome::kWaits;
  if (size <= 0) {
    ++(member.last && size == 0 ? result.told : result.cut);
    Close(member);
    return Outcome::kDone;
  }
  member.received.append(buffer, static_cast<size_t>(size));
  const size_t head = member.received.find("\r\n\r\n");
  if (head == member.received.npos || member.received.size() < head + 4 + body.size()) return Outcome::kWaits;
  if (!member.received.starts_with("HTTP/1.1 200 ") || member.received.substr(head + 4) != body) {
    ++result.wrong;
    Close(member);
    return Outcome::kDone;
  }
  ++result.answers;
  member.last = member.received.find("\r\nconnection: close\r\n") < head;
  member.received.clear();
  if (member.last) return Outcome::kWaits;  // for its end
  if (--member.left == 0) return Outcome::kDone;
  if (SendAll(member.descriptor, request)) return Outcome::kWaits;
  ++result.cut;
  Close(member);
  return Outcome::kDone;
}

void Crowd::Send(std::string_view request) {
  for (const Member& member : members_) {
    if (member.descriptor < 0) continue;
    EXPECT_TRUE(SendAll(member.descriptor, request));
  }
}

void Crowd::Reset() {
  for (Member& member : members_) {
    if (member.descriptor < 0) continue;
    const linger none{.l_onoff = 1, .l_linger = 0};
    setsockopt(member.descriptor, SOL_SOCKET, SO_LINGER, &none, sizeof none);
    Close(member);
  }
}

void Crowd::Close(Member& member) {
  if (member.descriptor < 0) return;
  close(member.descriptor);
  member.descriptor = -1;
}

}  // namespace pillion::test
