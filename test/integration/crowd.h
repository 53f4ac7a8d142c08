#pragma once

// Many HTTP/1.1 clients on one thread, each with a connection that it keeps.

#include <string>
#include <string_view>
#include <vector>

#include "source/net/address.h"

namespace pillion::test {

class Crowd {
 public:
  // Connects all of them; fails the test where one can't.
  Crowd(const net::Address& to, size_t size);
  Crowd(const Crowd&) = delete;
  Crowd& operator=(const Crowd&) = delete;
  ~Crowd();

  struct Result {
    size_t answers = 0;  // whole, 200, with the body that was expected
    size_t wrong = 0;    // anything else in place of one
    size_t cut = 0;      // ends and resets of a connection that waited for an answer
    size_t told = 0;     // connections whose last answer said "connection: close", and that ended behind it
  };

  // Each sends `request`, waits for its answer, and again, `times` times or until its connection is said to end.
  // The answer's body is `body`.
  Result Exchange(std::string_view request, std::string_view body, size_t times);
  // Each sends `request`; nobody waits.
  void Send(std::string_view request);
  // All go, with a reset.
  void Reset();

 private:
  struct Member {
    int descriptor = -1;
    size_t left = 0;  // requests to send, this one included
    bool last = false;
    std::string received;
  };

  enum class Outcome : uint8_t { kWaits, kDone };
  Outcome Take(Member& member, std::string_view request, std::string_view body, Result& result);
  void Close(Member& member);

  const int epoll_;
  std::vector<Member> members_;
};

}  // namespace pillion::test
