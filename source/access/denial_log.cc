#include "source/access/denial_log.h"

#include "source/base/escape.h"

namespace pillion::access {
namespace {

constexpr size_t kMost = 200;  // bytes of what somebody else has chosen

const DenialLog* denial_log = nullptr;

void AppendCut(std::string& out, std::string_view text) {
  base::AppendPrintable(out, text.substr(0, kMost));
  if (text.size() > kMost) out += "...";
}

}  // namespace

void SetDenialLog(const DenialLog* log) { denial_log = log; }

void LogDenial(const Engine& engine, const Decision& decision, const Request& request) {
  if (denial_log != nullptr && denial_log->wants()) denial_log->write(DenialText(engine, decision, request));
}

std::string DenialText(const Engine& engine, const Decision& decision, const Request& request) {
  const std::string_view name = engine.NameOf(decision);
  std::string text = "by no policy: ";
  if (!name.empty()) {
    text = "by policy \"";
    AppendCut(text, name);
    text += "\": ";
  }
  if (request.head != nullptr) {
    AppendCut(text, request.head->method);
    text += ' ';
    AppendCut(text, request.head->path.empty() ? request.head->authority : request.head->path);
  } else {
    text += "a connection";
  }
  const std::optional<Peer>& peer = request.connection.peer;
  text += " of ";
  if (peer) {
    text += '"';
    AppendCut(text, !peer->all_uris.empty() ? peer->all_uris : !peer->all_dns.empty() ? peer->all_dns : peer->subject);
    text += '"';
  } else {
    text += "nobody who was authenticated";
  }
  const End& from = request.connection.remote;
  if (!from.ip.empty()) text += " from " + from.ip + " port " + std::to_string(from.port);
  return text;
}

}  // namespace pillion::access
