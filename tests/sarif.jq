# What SARIF 2.1.0 and its schema do not allow in a document of privaudit's, a line each.
def expect(good; what): if good then empty else what end;
def text: type == "object" and (.text | type == "string" and . != "");
def level: IN("none", "note", "warning", "error");
.runs[0] as $run | $run.tool.driver.rules as $rules |
($run.originalUriBaseIds | keys) as $bases |
expect(.version == "2.1.0" and (.runs | length == 1) and
    (keys - ["$schema", "version", "runs"] == []); "the document"),
expect($run | keys - ["tool", "invocations", "originalUriBaseIds", "columnKind",
    "properties", "results"] == []; "members of the run"),
expect($run.tool.driver | .name == "privaudit" and .version; "the driver"),
expect($rules | map(.id) | length == (unique | length); "rules twice"),
($rules[] | expect((.id | type == "string") and (.shortDescription | text) and
    (.fullDescription | text) and (.defaultConfiguration.level | level);
    "rule \(.)")),
($run.invocations[] | expect((.executionSuccessful | type == "boolean") and
    (.exitCode | type == "number"); "invocation \(.)")),
($run.invocations[].toolExecutionNotifications[] |
    expect((.message | text) and (.level | level) and
    $rules[.associatedRule.index].id == .associatedRule.id; "notification \(.)")),
($run.results[] |
    expect((.message | text) and (.level | level); "result \(.)"),
    expect(keys - ["ruleId", "ruleIndex", "level", "message", "locations",
        "partialFingerprints", "baselineState", "properties"] == [];
        "members of \(.)"),
    expect(.baselineState | IN(null, "new", "unchanged", "updated", "absent");
        "state of \(.)"),
    expect(.baselineState == "absent" or ($rules[.ruleIndex].id == .ruleId and
        (.locations | length == 1)); "rule and place of \(.)"),
    (.locations[]? | expect(.logicalLocations | length == 1 and
        all(.name == .fullyQualifiedName and .name != ""); "account \(.)")),
    (.locations[]?.physicalLocation // empty |
        expect(.region.startLine | type == "number" and . >= 1; "region \(.)"),
        (.artifactLocation | expect(.uri |
            test("^(file:///)?([A-Za-z0-9._~-]|%[0-9A-F]{2})([A-Za-z0-9._~/-]|%[0-9A-F]{2})*$");
            "uri \(.)"),
        expect(if .uri | startswith("file:") then .uriBaseId == null
            else [.uriBaseId] - $bases == [] end; "base of \(.)"))))
