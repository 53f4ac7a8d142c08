// Input: a file of last good state, or what stands between its first line and its last. What must hold: it is read or refused with
// a reason; what was read is the same once it is written and read again; what is written of a resource has no secret in it.

#include <cstdint>
#include <string>
#include <string_view>

#include "source/base/check.h"
#include "source/config/inline_secrets.h"
#include "source/last_good/format.h"
#include "source/last_good/job.h"

namespace pillion::last_good {
namespace {

const Owner kOwner{"node", "mesh"};

std::string FileWith(std::string_view message) {
  std::string whole = "pillion last good 1\n" + std::string(message);
  identity::Sha256 digest;
  digest.Update(whole);
  return whole + "sha256 " + digest.Hex() + "\n";
}

std::string Written(const State& state) {
  std::string bytes;
  Writer writer(kOwner, state.written, [&bytes](std::string_view more) { bytes += more; });
  for (const auto& [id, section] : state.sections) {
    writer.Begin(id);
    for (const auto& [name, kept] : section.kept) writer.Add(name, kept);
    for (const auto& [name, why] : section.left_out) writer.LeaveOut(name, why);
  }
  writer.End();
  return bytes;
}

void CheckResource(const std::shared_ptr<const google::protobuf::Any>& body) {
  config::FirstCertificateEnd(*body);
  const Verdict verdict = Judge(body, false);
  PILLION_CHECK((verdict.body == nullptr) == !verdict.why.empty());
  if (verdict.body == nullptr) return;
  const Verdict again = Judge(verdict.body, false);
  PILLION_CHECK(again.body != nullptr);
}

void Fuzz(std::string_view bytes) {
  const absl::StatusOr<State> state = Parse(bytes, kOwner);
  if (!state.ok()) {
    PILLION_CHECK(!state.status().message().empty());
    return;
  }
  const std::string written = Written(*state);
  const absl::StatusOr<State> again = Parse(written, kOwner);
  PILLION_CHECK(again.ok() && Written(*again) == written);
  for (const auto& [id, section] : state->sections) {
    for (const auto& [name, kept] : section.kept) CheckResource(kept.body);
  }
}

}  // namespace
}  // namespace pillion::last_good

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const bool quiet = google::protobuf::SetLogHandler(nullptr) != nullptr;  // it speaks of texts that are no UTF-8
  static_cast<void>(quiet);
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  pillion::last_good::Fuzz(bytes);
  pillion::last_good::Fuzz(pillion::last_good::FileWith(bytes));
  return 0;
}
