#include "source/filters/request_context/malformed_log.h"

#include <atomic>

#include "source/base/escape.h"

namespace pillion::filters::request_context {
namespace {

constexpr size_t kMost = 200;  // bytes of what somebody else has chosen
constexpr int64_t kPause = std::chrono::nanoseconds(std::chrono::seconds(1)).count();

const MalformedLog* malformed_log = nullptr;
std::atomic<int64_t> next_line{0};  // when, in nanoseconds of the monotonic clock
std::atomic<uint64_t> unsaid{0};    // since the last line

void AppendCut(std::string& out, std::string_view text) {
  base::AppendPrintable(out, text.substr(0, kMost));
  if (text.size() > kMost) out += "...";
}

}  // namespace

void SetMalformedLog(const MalformedLog* log) {
  malformed_log = log;
  next_line = 0;
  unsaid = 0;
}

void LogMalformed(std::string_view carriers, const access::Request& request, std::string_view from,
                  base::MonotonicTime now) {
  if (malformed_log == nullptr || !malformed_log->wants()) return;
  const int64_t at = now.time_since_epoch().count();
  int64_t next = next_line.load(std::memory_order_relaxed);
  if (at < next || !next_line.compare_exchange_strong(next, at + kPause, std::memory_order_relaxed)) {
    unsaid.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  std::string text(carriers);
  text += ": ";
  AppendCut(text, request.head->method);
  text += ' ';
  AppendCut(text, request.head->path.empty() ? request.head->authority : request.head->path);
  if (request.connection.peer) {
    text += " of \"";
    AppendCut(text, request.connection.peer->all_uris);
    text += '"';
  }
  text += " from ";
  text += from;
  const uint64_t others = unsaid.exchange(0, std::memory_order_relaxed);
  if (others > 0) text += " (and " + std::to_string(others) + " others meanwhile)";
  malformed_log->write(text);
}

}  // namespace pillion::filters::request_context
