#include "source/filter/http_gate.h"

namespace pillion::filter {
namespace {

class GateFilter final : public HttpFilter {
 public:
  GateFilter(HttpGate& gate, const config::FilterConfig* override_config)
      : gate_(gate), override_config_(override_config) {}

  Step OnRequestHead(http::RequestHead&, bool) override {
    const std::optional<Reply> reply = gate_.Check(stream(), override_config_);
    if (!reply) return Step::kContinue;
    SendReply(*reply);
    return Step::kPause;
  }

 private:
  HttpGate& gate_;
  const config::FilterConfig* const override_config_;
};

}  // namespace

HttpFilter* HttpGate::Make(StreamContext& stream, const config::FilterConfig* override_config) {
  return stream.arena().New<GateFilter>(*this, override_config);
}

}  // namespace pillion::filter
