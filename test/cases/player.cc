#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "test/cases/case.h"

namespace pillion::test {
namespace {

std::string Visible(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '\n') {
      result += "\\n\n";
    } else if (c == '\r') {
      result += "\\r";
    } else if (c < ' ' || c > '~') {
      constexpr char kHex[] = "0123456789abcdef";
      result += std::string("\\x") + kHex[(c >> 4) & 15] + kHex[c & 15];
    } else {
      result += c;
    }
  }
  return result;
}

// Replaces each `from` in `text`.
void Replace(std::string& text, std::string_view from, std::string_view to) {
  for (size_t at = text.find(from); at != text.npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

// The fields that every message gets from the proxy, by one word (README.md).
std::string Expanded(std::string text) {
  Replace(text, "{forwarded}", "x-forwarded-proto: http\r\nx-envoy-expected-rq-timeout-ms: 15000\r\n");
  Replace(text, "{answered}", "x-envoy-upstream-service-time: MS\r\n{own}");
  Replace(text, "{own}", "date: DATE\r\nserver: pillion\r\n");
  return text;
}

// Writes `word` for the value of each line that begins with `field`.
void HideValues(std::string& text, std::string_view field, std::string_view word) {
  for (size_t at = text.find(field); at != text.npos; at = text.find(field, at + field.size())) {
    const size_t begin = at + field.size();
    text.replace(begin, std::min(text.find('\r', begin), text.size()) - begin, word);
  }
}

std::string WithoutTimes(std::string text) {
  HideValues(text, "\r\ndate: ", "DATE");
  HideValues(text, "\r\nx-envoy-upstream-service-time: ", "MS");
  return text;
}

class Player {
 public:
  Player(std::string_view file, const Case& c, bool split) : file_(file), case_(c), split_(split), world_(c.settings) {}

  void Play() {
    for (const Step& step : case_.steps) {
      const testing::ScopedTrace trace(__FILE__, __LINE__, file_ + ":" + std::to_string(step.line));
      world_.Run();
      Do(step);
      world_.Run();
      if (testing::Test::HasFatalFailure()) return;
    }
    // Nothing came that the case does not tell, and each request has its line.
    for (size_t i = 0; i < clients_.size(); ++i) {
      EXPECT_EQ(Visible(clients_[i]->received()), "") << file_ << ": client" << i + 1 << " got more";
    }
    for (size_t i = 0; case_.settings.hosts > 0 && i < world_.upstream().size(); ++i) {
      EXPECT_EQ(Visible(world_.upstream().peer(i).received()), "") << file_ << ": upstream" << i + 1 << " got more";
    }
    std::vector<std::string> log = world_.TakeLog();
    log_.insert(log_.end(), log.begin(), log.end());
    EXPECT_TRUE(log_.empty()) << file_ << ": a line of the log that the case does not tell: " << log_.front();
  }

 private:
  Peer* PeerOf(const std::string& subject) {
    const bool is_client = subject.starts_with("client");
    const std::string digits = subject.substr(is_client ? 6 : 8);
    const size_t index = digits.empty() ? 0 : std::stoul(digits) - 1;
    if (!is_client) {
      if (index < world_.upstream().size()) return &world_.upstream().peer(index);
      ADD_FAILURE() << "there is no " << subject;
      return nullptr;
    }
    while (clients_.size() <= index) {
      clients_.push_back(world_.Connect());
      world_.Run();
    }
    return clients_[index].get();
  }

  void Do(const Step& step) {
    if (step.subject.starts_with("client") || (step.subject.starts_with("upstream") && step.subject != "upstreams")) {
      if (step.subject == "upstream" && step.verb == ' ' && DoToHost(step.text)) return;
      if (Peer* peer = PeerOf(step.subject)) DoPeer(step, *peer);
    } else if (step.subject == "wait") {
      world_.Wait(std::stol(step.text));
    } else if (step.subject == "clock") {
      world_.simulation().clock().JumpWall(std::chrono::seconds(std::stol(step.text.substr(step.text.find(' ')))));
    } else if (step.subject == "drain") {
      world_.StartDrain();
    } else if (step.subject == "upstreams") {
      EXPECT_EQ(world_.upstream().size(), std::stoul(step.text)) << "connections to the upstream host";
    } else if (step.subject == "connections") {
      EXPECT_EQ(world_.connections(), std::stoul(step.text)) << "downstream connections";
    } else if (step.subject == "stat") {
      const size_t blank = step.text.find(' ');
      EXPECT_EQ(world_.stat(step.text.substr(0, blank)), std::stol(step.text.substr(blank))) << step.text;
    } else if (step.subject == "log") {
      ExpectLog(step.text);
    } else {
      ADD_FAILURE() << "unknown step " << step.subject;
    }
  }

  // What the host does to connections from now on.
  bool DoToHost(const std::string& what) {
    if (what == "refuses") {
      world_.faults().connect_error = ECONNREFUSED;
    } else if (what == "hangs") {
      world_.faults().connect_hangs = true;
    } else if (what == "without descriptors") {
      world_.faults().connect_error = EMFILE;
      world_.faults().connect_error_at_once = true;
    } else if (what == "without ports") {
      world_.faults().connect_error = EADDRNOTAVAIL;
      world_.faults().connect_error_at_once = true;
    } else if (what.starts_with("is far: ")) {
      world_.faults().delay = std::chrono::milliseconds(std::stol(what.substr(8)));
    } else if (what == "accepts") {
      world_.faults() = {};
    } else {
      return false;
    }
    return true;
  }

  void DoPeer(const Step& step, Peer& peer) {
    if (step.verb == '>') {
      Send(peer, step.text);
    } else if (step.verb == '<') {
      EXPECT_EQ(Visible(WithoutTimes(peer.Take())), Visible(Expanded(step.text)));
    } else if (step.text == "ends") {
      peer.EndSending();
    } else if (step.text == "closes") {
      peer.Close();
    } else if (step.text == "resets") {
      peer.Reset();
    } else if (step.text == "stops reading") {
      peer.StopReading();
    } else if (step.text == "reads") {
      peer.ReadAgain();
    } else if (step.text == "is open") {
      EXPECT_TRUE(!peer.ended() && peer.error() == 0) << "ended " << peer.ended() << ", error " << peer.error();
    } else if (step.text == "is ended") {
      EXPECT_TRUE(peer.ended() && peer.error() == 0) << "ended " << peer.ended() << ", error " << peer.error();
    } else if (step.text == "is reset") {
      EXPECT_EQ(peer.error(), ECONNRESET) << "ended " << peer.ended();
    } else {
      ADD_FAILURE() << "unknown: " << step.text;
    }
  }

  void Send(Peer& peer, std::string_view bytes) {
    if (!split_) {
      peer.Send(bytes);
      return;
    }
    for (const char& byte : bytes) {
      peer.Send({&byte, 1});
      world_.Run();
    }
  }

  void ExpectLog(const std::string& expected) {
    std::vector<std::string> lines = world_.TakeLog();
    log_.insert(log_.end(), lines.begin(), lines.end());
    if (log_.empty()) {
      ADD_FAILURE() << "no line of the log: " << expected;
      return;
    }
    EXPECT_EQ(log_.front(), expected);
    log_.erase(log_.begin());
  }

  const std::string file_;
  const Case& case_;
  const bool split_;
  ProxyWorld world_;
  std::vector<std::unique_ptr<Peer>> clients_;
  std::vector<std::string> log_;
};

}  // namespace

void PlayCase(std::string_view file, const Case& c, bool split) { Player(file, c, split).Play(); }

}  // namespace pillion::test
