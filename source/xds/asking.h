#pragma once

// What is said to a control plane about one type: requests, and replies to its answers, in one of the protocol's forms. Part
// of a TypeProtocol.

#include <memory>
#include <string>

#include "envoy/config/core/v3/core.pb.h"
#include "source/xds/answer.h"
#include "source/xds/holdings.h"
#include "source/xds/interest.h"

namespace pillion::xds {

class Asking {
 public:
  using Node = envoy::config::core::v3::Node;

  virtual ~Asking() = default;

  // A stream begins.
  virtual void Begin() = 0;
  // A name is wanted of which no answer has spoken, or is not wanted any more.
  virtual void OnAdd(const std::string& name) = 0;
  virtual void OnRemove(const std::string& name) = 0;
  virtual void OnAnswer(const Answer& answer) = 0;
  // What was taken is not there any more.
  virtual void OnExpire() = 0;
  // What is there came otherwise.
  virtual void OnPut() = 0;
  // `version` was taken whole.
  virtual void OnTaken(const std::string& version, const Interest& interest) = 0;

  // A request of what is due; more may be due after it. `node`: who asks; null: it was said.
  virtual std::string Request(Interest& interest, const Holdings& holdings, const Node* node) = 0;
  // To the answer with `nonce`. `error`: what is wrong with it; empty: nothing.
  virtual std::string Reply(const Interest& interest, const std::string& nonce, const std::string& error,
                            const Node* node) = 0;
};

// `type_url` of the resources.
std::unique_ptr<Asking> MakeAsking(Form form, std::string type_url);

}  // namespace pillion::xds
